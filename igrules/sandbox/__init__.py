"""A local Instagram: a fake Graph API and webhook source over real HTTP, and a phone to type on."""
