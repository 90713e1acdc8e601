"""The HTTP doors: webhooks, health, and the process that serves them."""
