"""Everything that needs torch and diffusers: loading, encoding, predicting, decoding."""
