use super::*;

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000).unwrap()
}

fn caller(n: u128, role: Role) -> Caller {
    Caller { id: Uuid::from_u128(n), name: format!("{role} {n}"), role }
}

fn details() -> Details {
    Details::new("Sofa")
}

fn order() -> Order {
    Order::create(OrderId::parse("7K3M9Q2XTB").unwrap(), details(), &caller(1, Role::User), now()).0
}

fn to(status: Status) -> EventRequest {
    EventRequest::new(Step::Move { to: status, reason: status.needs_reason().then_some(Reason::Other) })
}

#[test]
fn a_created_order_has_one_public_event() {
    let (order, event) = Order::create(OrderId::parse("7K3M9Q2XTB").unwrap(), details(), &caller(1, Role::User), now());
    assert_eq!((order.version, order.public_version, order.status), (1, 1, Status::Created));
    assert_eq!((event.version, event.previous_public_version, event.public), (1, None, true));
}

/// Status × target × role, decided through `record`: admins move as movers do.
#[test]
fn record_follows_the_table_for_every_role() {
    for &from in Status::ALL {
        for &target in Status::ALL {
            for role in [Role::User, Role::Mover, Role::Admin] {
                let mut order = Order { status: from, ..order() };
                let before = order.clone();
                let result = order.record(to(target), &caller(1, role), now());
                if may_move(party(role), from, target) {
                    assert_eq!(result.unwrap().status, target);
                    assert_eq!((order.status, order.version), (target, before.version + 1));
                } else {
                    assert_eq!(result, Err(Refusal::IllegalMove), "{role}: {from} to {target}");
                    assert_eq!(order, before, "a refusal changes nothing");
                }
            }
        }
    }
}

#[test]
fn undo_goes_back_with_the_reason_and_can_itself_be_undone() {
    let max = caller(2, Role::Mover);
    let mut order = order();
    order.record(to(Status::OnHold), &max, now()).unwrap();
    order.record(to(Status::Started), &max, now()).unwrap();
    let undo = order.record(EventRequest::new(Step::Undo), &max, now()).unwrap();
    assert_eq!((undo.status, undo.undoes, undo.reason), (Status::OnHold, Some(3), Some(Reason::Other)));
    let redo = order.record(EventRequest::new(Step::Undo), &max, now()).unwrap();
    assert_eq!((redo.status, redo.undoes, redo.reason), (Status::Started, Some(4), None));
}

#[test]
fn completed_is_no_dead_end_for_a_slip_of_the_thumb() {
    let max = caller(2, Role::Mover);
    let mut order = order();
    for status in [Status::Started, Status::InProgress, Status::Completed] {
        order.record(to(status), &max, now()).unwrap();
    }
    assert!(order.completed_at.is_some());
    order.record(EventRequest::new(Step::Undo), &max, now()).unwrap();
    assert_eq!((order.status, order.completed_at), (Status::InProgress, None));
}

#[test]
fn only_the_mover_of_the_newest_move_undoes_it_within_15_minutes_and_an_admin_always() {
    let (max, eve, admin) = (caller(2, Role::Mover), caller(3, Role::Mover), caller(4, Role::Admin));
    let mut order = order();
    assert!(
        matches!(order.record(EventRequest::new(Step::Undo), &max, now()), Err(Refusal::UndoNotAllowed(_))),
        "nothing to undo"
    );
    order.record(to(Status::Started), &max, now()).unwrap();
    assert!(matches!(
        order.clone().record(EventRequest::new(Step::Undo), &eve, now()),
        Err(Refusal::UndoNotAllowed(_))
    ));
    assert!(order.clone().record(EventRequest::new(Step::Undo), &max, now() + UNDO_WINDOW).is_ok());
    let late = now() + UNDO_WINDOW + Duration::milliseconds(1);
    assert!(matches!(order.clone().record(EventRequest::new(Step::Undo), &max, late), Err(Refusal::UndoNotAllowed(_))));
    assert!(order.record(EventRequest::new(Step::Undo), &admin, late + Duration::days(9)).is_ok());
}

#[test]
fn notes_alone_are_private_and_everything_else_is_public() {
    let max = caller(2, Role::Mover);
    let mut order = order();
    let note =
        order.record(EventRequest { note: Some("Dog".into()), ..EventRequest::new(Step::Note) }, &max, now()).unwrap();
    assert_eq!((note.public, note.kind, order.public_version), (false, EventType::Noted, 1));
    for request in [
        EventRequest { message: Some("Soon".into()), ..EventRequest::new(Step::Note) },
        EventRequest { location: Some("Lisbon".into()), ..EventRequest::new(Step::Note) },
        EventRequest { estimated_at: Some(Some(now())), ..EventRequest::new(Step::Note) },
        EventRequest { estimated_at: Some(None), ..EventRequest::new(Step::Note) },
    ] {
        let before = order.public_version;
        let event = order.record(request, &max, now()).unwrap();
        assert_eq!((event.public, event.previous_public_version), (true, Some(before)));
        assert_eq!(order.public_version, event.version);
    }
}

#[test]
fn expected_status_comes_before_everything_else() {
    let max = caller(2, Role::Mover);
    let mut order = order();
    let late = EventRequest { expected_status: Some(Status::Started), ..to(Status::Completed) };
    assert_eq!(order.record(late, &max, now()), Err(Refusal::StatusChanged));
    let good = EventRequest { expected_status: Some(Status::Created), ..to(Status::Started) };
    assert!(order.record(good, &max, now()).is_ok());
}

#[test]
fn occurred_at_lies_between_the_creation_and_in_five_minutes() {
    let max = caller(2, Role::Mover);
    let later = now() + Duration::hours(1);
    let at = |occurred_at| EventRequest { occurred_at: Some(occurred_at), ..to(Status::Started) };
    for (claim, good) in [
        (now() - Duration::milliseconds(1), false),
        (now(), true),
        (later + CLOCK_SLACK, true),
        (later + CLOCK_SLACK + Duration::milliseconds(1), false),
    ] {
        let result = order().record(at(claim), &max, later);
        assert_eq!(result.is_ok(), good, "{claim}");
    }
}

#[test]
fn recorded_at_never_runs_backwards() {
    let max = caller(2, Role::Mover);
    let mut order = order();
    let first = order.record(to(Status::Started), &max, now() + Duration::seconds(5)).unwrap();
    let second = order.record(to(Status::InProgress), &max, now()).unwrap();
    assert_eq!(second.recorded_at, first.recorded_at);
}

#[test]
fn unchanged_details_make_no_event_and_closed_orders_keep_theirs() {
    let uma = caller(1, Role::User);
    let mut order = order();
    assert_eq!(order.change_details(|_| {}, None, &uma, now()), Ok(None));
    let event = order.change_details(|d| d.title = "Bed".into(), Some(1), &uma, now()).unwrap().unwrap();
    assert_eq!((event.changed, event.public), (vec!["title".to_owned()], false));
    let stale = order.change_details(|d| d.title = "Desk".into(), Some(1), &uma, now());
    assert_eq!(stale, Err(Refusal::VersionMismatch));
    order.record(to(Status::Cancelled), &uma, now()).unwrap();
    let closed = order.change_details(|d| d.title = "Desk".into(), None, &uma, now());
    assert_eq!(closed, Err(Refusal::Closed));
}

#[test]
fn a_taken_order_is_handed_over_by_its_holder_or_an_admin() {
    let (max, eve, admin) = (caller(2, Role::Mover), caller(3, Role::Mover), caller(4, Role::Admin));
    let mut order = order();
    order.assign(Some(max.person()), &max, now()).unwrap().unwrap();
    assert_eq!(order.assign(Some(max.person()), &max, now()), Ok(None), "already so");
    assert_eq!(order.assign(Some(eve.person()), &eve, now()), Err(Refusal::AssigneeTaken(max.person())));
    assert_eq!(order.assign(None, &eve, now()), Err(Refusal::AssigneeTaken(max.person())));
    assert!(order.clone().assign(Some(eve.person()), &max, now()).unwrap().is_some());
    assert!(order.assign(None, &admin, now()).unwrap().is_some());
    assert_eq!(order.assignee, None);
}

#[test]
fn a_hold_leads_back_to_where_it_came_from_first() {
    let max = caller(2, Role::Mover);
    let mut order = order();
    for status in [Status::Started, Status::InProgress, Status::OnHold] {
        order.record(to(status), &max, now()).unwrap();
    }
    assert_eq!(order.allowed(Role::Mover), [Status::InProgress, Status::Started, Status::Cancelled]);
}
