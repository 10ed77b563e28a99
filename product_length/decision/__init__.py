"""From a predicted distribution to one length: the best one for the metric that is asked for."""
