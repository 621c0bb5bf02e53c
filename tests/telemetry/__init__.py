"""Tests of telemetry/ and deploy/."""
