ALTER TABLE order_events
    DROP CONSTRAINT order_events_check,
    ADD CONSTRAINT order_events_version_check CHECK ((version >= 1)),
    ADD CONSTRAINT order_events_type_check CHECK ((type = ANY (ARRAY['order.created'::text, 'order.status_changed'::text, 'order.noted'::text, 'order.details_changed'::text, 'order.assignee_changed'::text]))),
    ADD CONSTRAINT order_events_status_check CHECK ((status = ANY (ARRAY['created'::text, 'started'::text, 'in_progress'::text, 'on_hold'::text, 'completed'::text, 'cancelled'::text]))),
    ADD CONSTRAINT order_events_reason_check CHECK ((reason = ANY (ARRAY['recipient_absent'::text, 'refused'::text, 'address_problem'::text, 'damaged'::text, 'lost'::text, 'delayed'::text, 'awaiting_payment'::text, 'by_request'::text, 'other'::text]))),
    ADD CONSTRAINT order_events_message_check CHECK (((char_length(message) >= 1) AND (char_length(message) <= 1000))),
    ADD CONSTRAINT order_events_note_check CHECK (((char_length(note) >= 1) AND (char_length(note) <= 1000))),
    ADD CONSTRAINT order_events_location_check CHECK (((char_length(location) >= 1) AND (char_length(location) <= 120))),
    ADD CONSTRAINT order_events_actor_role_check CHECK ((actor_role = ANY (ARRAY['user'::text, 'mover'::text, 'admin'::text]))),
    ADD CONSTRAINT order_events_first_check CHECK (((version = 1) = (type = 'order.created'::text))),
    ADD CONSTRAINT order_events_previous_check CHECK ((((version = 1) = (previous_public_version IS NULL)) AND ((previous_public_version >= 1) AND (previous_public_version <= (version - 1))))),
    ADD CONSTRAINT order_events_public_check CHECK ((public = ((type = ANY (ARRAY['order.created'::text, 'order.status_changed'::text])) OR ((type = 'order.noted'::text) AND ((message IS NOT NULL) OR (location IS NOT NULL) OR public))))),
    ADD CONSTRAINT order_events_reason_status_check CHECK (((reason IS NOT NULL) = ((type = 'order.status_changed'::text) AND (status = ANY (ARRAY['on_hold'::text, 'cancelled'::text]))))),
    ADD CONSTRAINT order_events_undoes_check CHECK (((undoes IS NULL) OR ((type = 'order.status_changed'::text) AND (undoes < version)))),
    ADD CONSTRAINT order_events_assignee_check CHECK (((assignee_id IS NULL) = (assignee_name IS NULL))),
    ADD CONSTRAINT order_events_changed_check CHECK (((changed <> ''::text) = (type = 'order.details_changed'::text)));
DROP FUNCTION order_event_is_valid;

DROP TRIGGER orders_details_check ON orders;
ALTER TABLE orders
    DROP CONSTRAINT orders_standing_check,
    ADD CONSTRAINT orders_id_check CHECK ((id ~ '^[0-9A-HJKMNP-TV-Z]{10}$'::text)),
    ADD CONSTRAINT orders_status_check CHECK ((status = ANY (ARRAY['created'::text, 'started'::text, 'in_progress'::text, 'on_hold'::text, 'completed'::text, 'cancelled'::text]))),
    ADD CONSTRAINT orders_reason_check CHECK ((reason = ANY (ARRAY['recipient_absent'::text, 'refused'::text, 'address_problem'::text, 'damaged'::text, 'lost'::text, 'delayed'::text, 'awaiting_payment'::text, 'by_request'::text, 'other'::text]))),
    ADD CONSTRAINT orders_version_check CHECK ((version >= 1)),
    ADD CONSTRAINT orders_moved_from_check CHECK ((moved_from = ANY (ARRAY['created'::text, 'started'::text, 'in_progress'::text, 'on_hold'::text, 'completed'::text, 'cancelled'::text]))),
    ADD CONSTRAINT orders_moved_from_reason_check CHECK ((moved_from_reason = ANY (ARRAY['recipient_absent'::text, 'refused'::text, 'address_problem'::text, 'damaged'::text, 'lost'::text, 'delayed'::text, 'awaiting_payment'::text, 'by_request'::text, 'other'::text]))),
    ADD CONSTRAINT orders_title_check CHECK (((char_length(title) >= 1) AND (char_length(title) <= 120))),
    ADD CONSTRAINT orders_description_check CHECK (((char_length(description) >= 1) AND (char_length(description) <= 2000))),
    ADD CONSTRAINT orders_reference_check CHECK (((char_length(reference) >= 1) AND (char_length(reference) <= 64))),
    ADD CONSTRAINT orders_recipient_name_check CHECK (((char_length(recipient_name) >= 1) AND (char_length(recipient_name) <= 100))),
    ADD CONSTRAINT orders_recipient_phone_check CHECK (((char_length(recipient_phone) >= 1) AND (char_length(recipient_phone) <= 40))),
    ADD CONSTRAINT orders_pickup_address_check CHECK (((char_length(pickup_address) >= 1) AND (char_length(pickup_address) <= 300))),
    ADD CONSTRAINT orders_delivery_address_check CHECK (((char_length(delivery_address) >= 1) AND (char_length(delivery_address) <= 300))),
    ADD CONSTRAINT orders_metadata_check CHECK ((jsonb_typeof(metadata) = 'object'::text)),
    ADD CONSTRAINT orders_public_version_check CHECK (((public_version >= 1) AND (public_version <= version))),
    ADD CONSTRAINT orders_reason_status_check CHECK (((status = ANY (ARRAY['on_hold'::text, 'cancelled'::text])) = (reason IS NOT NULL))),
    ADD CONSTRAINT orders_completed_check CHECK (((status = 'completed'::text) = (completed_at IS NOT NULL))),
    ADD CONSTRAINT orders_times_check CHECK ((updated_at >= created_at)),
    ADD CONSTRAINT orders_moved_check CHECK ((((status = 'created'::text) OR (moved_version IS NOT NULL)) AND ((moved_version IS NULL) = (moved_by IS NULL)) AND ((moved_version IS NULL) = (moved_at IS NULL)) AND ((moved_version IS NULL) = (moved_from IS NULL)) AND ((moved_version IS NULL) OR ((moved_version >= 2) AND (moved_version <= version))) AND ((moved_from_reason IS NOT NULL) = (COALESCE(moved_from, ''::text) = ANY (ARRAY['on_hold'::text, 'cancelled'::text])))));
DROP FUNCTION check_order_details;
DROP FUNCTION order_standing_is_valid;
