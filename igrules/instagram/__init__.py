"""The platform: signatures, the payload reader, the Graph client, answer classes, limits."""
