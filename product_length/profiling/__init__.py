"""What a catalogue holds, before any training: figures for a person, and what follows from them."""
