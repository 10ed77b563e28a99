"""Many runs as one study: which are run, how far they are, what they come to."""
