"""The reference detector: access log and geolocation in, evidence out. It knows the API and nothing of us."""
