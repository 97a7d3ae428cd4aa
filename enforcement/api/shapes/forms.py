"""What text may look like, as regular expressions that OpenAPI shares with Python."""

ACCOUNT_ID = "^[A-Za-z0-9._:@-]{1,128}$"
COUNTRY = r"^([A-Z][A-Z0-9]|\?\?)?$"
LANGUAGE = "^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$"
# Nothing in it starts a line, or turns the direction of what follows.
LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]*$"
