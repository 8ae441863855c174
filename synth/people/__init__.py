"""Identities as data: body shape, gait style, outfit, hair, headwear and accessories."""
