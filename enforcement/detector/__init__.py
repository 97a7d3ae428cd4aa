"""The reference detector: an access log and geolocation in, evidence out. It knows the API and nothing of the service."""
