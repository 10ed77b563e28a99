"""From a predicted distribution to one length, the best one for a metric, and to intervals."""
