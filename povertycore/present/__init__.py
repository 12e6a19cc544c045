"""What people see: numbers, tables, charts, Excel files, paragraphs and reports."""
