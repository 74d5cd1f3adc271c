from django.db import models


class SignInDelay(models.Model):
    """The wrong passwords of late for one person from one origin; sign_in_delay.py tells how they are counted."""

    person_and_origin = models.CharField(max_length=64, unique=True)
    failures = models.PositiveIntegerField()
    wait_until = models.DateTimeField(db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.failures} failures, wait until {self.wait_until}"
