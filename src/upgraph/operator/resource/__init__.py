"""What an UpdateService is: its fields, its rules, its definition, and the names of what it becomes."""
