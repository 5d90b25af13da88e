"""Pure calculation: no SQL, Streamlit, Kafka, environment or clock in here."""
