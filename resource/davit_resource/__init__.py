"""The ModelDeployment as the API server stores it, parsed. No decisions here."""
