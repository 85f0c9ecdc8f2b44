"""What people type on the pages of a bank and of the staff: shape only, truth is the actions' part."""
