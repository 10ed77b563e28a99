"""Which labels of a catalogue are probably wrong: each row judged by models that never saw it."""
