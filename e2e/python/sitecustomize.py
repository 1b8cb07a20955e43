"""Sends what the published connectors ask api.intercom.io for to the server at INTERCOM_URL.

They have no setting for the address. Python imports this module at start when its folder is on PYTHONPATH.
"""

import os

from requests.adapters import HTTPAdapter

original_send = HTTPAdapter.send


def send(self, request, *args, **kwargs):
    request.url = request.url.replace("https://api.intercom.io", os.environ["INTERCOM_URL"], 1)
    if request.headers.get("Intercom-Version") == "2.9":
        # Airbyte's connector asks for conversations as of 2.9, which the emulator does not know;
        # for what it reads of them 2.10 is the same.
        request.headers["Intercom-Version"] = "2.10"
    return original_send(self, request, *args, **kwargs)


HTTPAdapter.send = send
