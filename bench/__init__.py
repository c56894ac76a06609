"""Every number that Clary claims, against its peer or its limit in the same run."""
