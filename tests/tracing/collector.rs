//! A subscriber that keeps everything.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::{Mutex, OnceLock};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Subscriber;
use tracing::{Event, Metadata};

/// A span, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct Span {
    pub id: u64,
    pub target: String,
    pub parent: Option<u64>,
    pub fields: Fields,
    /// What was said inside it.
    pub events: Vec<Fields>,
    handles: u64,
}

pub type Fields = BTreeMap<String, String>;

impl Span {
    pub fn is_closed(&self) -> bool {
        self.handles == 0
    }

    /// A field, which is empty if it was never recorded.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Default)]
pub struct Collector {
    spans: Mutex<HashMap<u64, Span>>,
    /// What was said outside of all spans.
    others: Mutex<Vec<Fields>>,
}

thread_local! {
    static ENTERED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// The one of this process.
pub fn collector() -> &'static Collector {
    static COLLECTOR: OnceLock<&'static Collector> = OnceLock::new();
    COLLECTOR.get_or_init(|| {
        let collector: &'static Collector = Box::leak(Box::default());
        tracing::subscriber::set_global_default(Handle(collector)).expect("it is the only one");
        collector
    })
}

impl Collector {
    /// The spans of one interface on one side, in the order in which they began.
    pub fn spans(&self, target: &str, interface: &str) -> Vec<Span> {
        let spans = self.spans.lock().unwrap();
        let is_wanted =
            |span: &&Span| span.target == target && span.field("interface") == interface;
        let mut found: Vec<_> = spans.values().filter(is_wanted).cloned().collect();
        found.sort_by_key(|span| span.id);
        found
    }

    pub fn span(&self, id: u64) -> Span {
        self.spans.lock().unwrap()[&id].clone()
    }

    /// What was said of one session, outside of all spans.
    pub fn said_of(&self, session: &str) -> Vec<String> {
        let others = self.others.lock().unwrap();
        let of = others.iter().filter(|fields| fields.get("session").is_some_and(|s| s == session));
        of.map(|fields| fields["message"].clone()).collect()
    }

    fn change<R>(&self, id: &Id, change: impl FnOnce(&mut Span) -> R) -> R {
        change(self.spans.lock().unwrap().get_mut(&id.into_u64()).expect("it is known"))
    }
}

struct Visitor<'f>(&'f mut Fields);

impl Visit for Visitor<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

struct Handle(&'static Collector);

impl Subscriber for Handle {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut spans = self.0.spans.lock().unwrap();
        let id = spans.len() as u64 + 1;
        let entered = ENTERED.with_borrow(|entered| entered.last().copied());
        let contextual = entered.filter(|_| attributes.is_contextual());
        let mut span = Span {
            id,
            target: attributes.metadata().target().to_owned(),
            parent: attributes.parent().map(Id::into_u64).or(contextual),
            handles: 1,
            ..Span::default()
        };
        attributes.record(&mut Visitor(&mut span.fields));
        spans.insert(id, span);
        Id::from_u64(id)
    }

    fn record(&self, id: &Id, values: &Record<'_>) {
        self.0.change(id, |span| values.record(&mut Visitor(&mut span.fields)));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Visitor(&mut fields));
        let entered = ENTERED.with_borrow(|entered| entered.last().copied());
        let contextual = entered.filter(|_| event.is_contextual());
        match event.parent().map(Id::into_u64).or(contextual) {
            Some(id) => self.0.change(&Id::from_u64(id), |span| span.events.push(fields)),
            None => self.0.others.lock().unwrap().push(fields),
        }
    }

    fn enter(&self, id: &Id) {
        assert!(!self.0.change(id, |span| span.is_closed()), "a span was entered after its end");
        ENTERED.with_borrow_mut(|entered| entered.push(id.into_u64()));
    }

    fn exit(&self, id: &Id) {
        let left = ENTERED.with_borrow_mut(Vec::pop);
        assert_eq!(left, Some(id.into_u64()), "spans were left in another order");
    }

    fn clone_span(&self, id: &Id) -> Id {
        self.0.change(id, |span| span.handles += 1);
        id.clone()
    }

    fn try_close(&self, id: Id) -> bool {
        self.0.change(&id, |span| {
            span.handles -= 1;
            span.is_closed()
        })
    }
}
