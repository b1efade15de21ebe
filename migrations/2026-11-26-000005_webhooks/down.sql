DROP TRIGGER order_events_tell_webhooks ON order_events;
DROP FUNCTION tell_webhooks();
DROP TABLE webhook_attempts;
DROP TABLE webhook_deliveries;
DROP TABLE webhooks;
