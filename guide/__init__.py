"""The built-in guide: a provider like any other, which reads by rules and says only what tools returned."""
