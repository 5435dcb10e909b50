"""What the console command does, as plain functions; :mod:`latent_microscope.cli` names them."""
