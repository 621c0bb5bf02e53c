"""Telemetry: metrics for Prometheus, traces for OpenTelemetry. It knows numbers and names, nothing of the service."""
