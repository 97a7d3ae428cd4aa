"""Figures that are too dear to be counted while somebody waits for a page."""

from django.db import models


class Figure(models.Model):
    """One figure of the home page, as it was when it was last counted. Only `services.figures` writes it.

    A figure whose content changes its shape takes a new name: after a deploy the old rows stand until the next count.
    """

    class Name(models.TextChoices):
        CASES = "cases"
        TERRITORIES = "territories"
        POINTS = "points"

    name = models.CharField(max_length=11, choices=Name, primary_key=True)
    content = models.JSONField()
    as_of = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} as of {self.as_of:%Y-%m-%d %H:%M}"
