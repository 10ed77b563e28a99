"""Many runs as one study: which are run, how they are told, what they come to."""
