"""The resource as the API server stores it: parsed, never picked apart. No decisions here."""
