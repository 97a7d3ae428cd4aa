"""What a person asked for, and why it does not go."""


class Refused(Exception):
    """Nothing was written. `why` is a sentence for the person; `field` is what to mend, if it is a field."""

    def __init__(self, why: str, *, field: str = "") -> None:
        super().__init__(f"{field}: {why}" if field else why)
        self.field, self.why = field, why
