"""Filling a database with a believable population: the crowd by COPY, the stories by the services, day by day."""
