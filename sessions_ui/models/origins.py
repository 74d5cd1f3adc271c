from django.db import models

USER_AGENT_LENGTH = 512
NETWORK_NAME_LENGTH = 100


class FromOrigin(models.Model):
    """The columns of an origin: where a request came from, as it was found at that moment."""

    ip = models.GenericIPAddressField(null=True)
    country = models.CharField(max_length=2, blank=True)
    location = models.CharField(max_length=200, blank=True)
    # Its name, where the address lies in a named network; the location then says the same. The database has
    # the default too: until they are restarted, servers of the version before sign people in without it.
    network = models.CharField(max_length=NETWORK_NAME_LENGTH, blank=True, default="", db_default="")
    user_agent = models.CharField(max_length=USER_AGENT_LENGTH, blank=True)
    device = models.CharField(max_length=100, blank=True)
    device_kind = models.CharField(max_length=10, blank=True)
    browser = models.CharField(max_length=100, blank=True)
    os = models.CharField(max_length=50, blank=True)

    class Meta:
        abstract = True
