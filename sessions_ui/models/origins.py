from django.db import models

USER_AGENT_LENGTH = 512


class FromOrigin(models.Model):
    """The columns of an origin: where a request came from, as it was found at that moment."""

    ip = models.GenericIPAddressField(null=True)
    country = models.CharField(max_length=2, blank=True)
    location = models.CharField(max_length=200, blank=True)
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    device = models.CharField(max_length=100, blank=True)
    device_kind = models.CharField(max_length=10, blank=True)
    browser = models.CharField(max_length=100, blank=True)
    os = models.CharField(max_length=50, blank=True)

    class Meta:
        abstract = True
