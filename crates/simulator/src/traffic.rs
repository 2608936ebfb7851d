//! Customers that write by themselves: they arrive at a pace, type, wait, answer what they are asked, tap buttons, lose
//! patience and say thanks. Each is one small task.

use crate::config::Traffic;
use crate::control::{Writing, react, say};
use crate::store::{Message, Person, now};
use crate::{Sim, graph, samples};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// The pace, and who is talking at present.
pub struct Control {
    wanted: watch::Sender<Traffic>,
    talking: Mutex<HashMap<(String, String), mpsc::UnboundedSender<Message>>>,
}

impl Control {
    pub fn new(traffic: Traffic) -> Self {
        Self {
            wanted: watch::channel(traffic).0,
            talking: Mutex::new(HashMap::new()),
        }
    }

    pub fn set(&self, traffic: Traffic) {
        self.wanted.send_replace(traffic);
    }

    pub fn get(&self) -> Traffic {
        self.wanted.borrow().clone()
    }

    pub fn active(&self) -> usize {
        self.talking.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// A message of the business reached a phone.
    pub fn arrived(&self, message: &Message) {
        let key = (message.phone_number_id.clone(), message.person.clone());
        let mut talking = self.talking.lock().unwrap_or_else(PoisonError::into_inner);
        if talking.get(&key).is_some_and(|t| t.send(message.clone()).is_err()) {
            talking.remove(&key);
        }
    }

    /// `None` when this person is talking to this number already.
    fn begin(&self, key: &(String, String)) -> Option<mpsc::UnboundedReceiver<Message>> {
        let mut talking = self.talking.lock().unwrap_or_else(PoisonError::into_inner);
        if talking.contains_key(key) {
            return None;
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        talking.insert(key.clone(), sender);
        Some(receiver)
    }

    fn end(&self, key: &(String, String)) {
        self.talking.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// A number that nobody else has, in the range simulated people use.
pub fn some_phone() -> String {
    format!("549115{:07}", rand::rng().random_range(0..10_000_000))
}

pub fn run(sim: &Sim) {
    let sim = sim.clone();
    tokio::spawn(async move {
        let mut wanted = sim.traffic.wanted.subscribe();
        let mut rng = sim
            .config
            .seed
            .map_or_else(|| StdRng::from_rng(&mut rand::rng()), StdRng::seed_from_u64);
        loop {
            let traffic = wanted.borrow_and_update().clone();
            // Arrivals without memory: the pauses are exponential.
            let pause = if traffic.per_minute > 0.0 {
                let mean = 60.0 / traffic.per_minute;
                Duration::from_secs_f64((-(1.0 - rng.random::<f64>()).ln() * mean).clamp(0.0, 3_600.0))
            } else {
                Duration::MAX
            };
            tokio::select! {
                () = sim.stop.cancelled() => return,
                // A changed pace begins at once, not after a pause of the old one.
                changed = wanted.changed() => if changed.is_err() { return } else { continue },
                () = tokio::time::sleep(pause.min(Duration::from_secs(86_400))) => {}
            }
            if traffic.per_minute > 0.0 && sim.traffic.active() < traffic.max_active {
                arrive(&sim, &mut rng, &traffic);
            }
        }
    });
}

fn arrive(sim: &Sim, rng: &mut StdRng, traffic: &Traffic) {
    let Some(number) = sim.config.numbers.choose(rng).map(|n| n.phone_number_id.clone()) else {
        return;
    };
    let known: Vec<Person> = if rng.random_bool(traffic.returning.clamp(0.0, 1.0)) {
        sim.store.people().into_iter().filter(|p| p.simulated).collect()
    } else {
        Vec::new()
    };
    let total: u32 = SCENES.iter().map(|s| s.weight).sum();
    let mut ticket = rng.random_range(0..total);
    let scene = SCENES
        .iter()
        .find(|s| {
            let mine = ticket < s.weight;
            ticket = ticket.saturating_sub(s.weight);
            mine
        })
        .unwrap_or(&SCENES[0]);
    let person = known.choose(rng).cloned().unwrap_or_else(|| {
        let (names, phone) = match scene.language {
            "pt" => (
                PORTUGUESE_NAMES,
                format!("55119{:08}", rng.random_range(60_000_000..99_999_999)),
            ),
            "en" => (ENGLISH_NAMES, format!("1415555{:04}", rng.random_range(0..10_000))),
            _ => (SPANISH_NAMES, format!("549115{:07}", rng.random_range(0..10_000_000))),
        };
        let name = names.choose(rng).copied().unwrap_or("Ana");
        let surname = SURNAMES.choose(rng).copied().unwrap_or("Prueba");
        sim.store.person_or(&phone, |p| {
            p.name = format!("{name} {surname}");
            p.simulated = true;
            p.auto_read = false;
        })
    });
    let key = (number, person.id.clone());
    let Some(inbox) = sim.traffic.begin(&key) else { return };
    let talk = Talk {
        sim: sim.clone(),
        rng: StdRng::from_rng(rng),
        number: key.0.clone(),
        name: person.name.clone(),
        person,
        scene,
        said: 0,
        tone: Tone::Calm,
    };
    tokio::spawn(async move {
        let sim = talk.sim.clone();
        tokio::select! {
            () = sim.stop.cancelled() => {}
            () = talk.run(inbox) => {}
        }
        sim.traffic.end(&key);
    });
}

#[derive(PartialEq)]
enum Tone {
    Calm,
    Impatient,
}

struct Talk {
    sim: Sim,
    rng: StdRng,
    number: String,
    person: Person,
    name: String,
    scene: &'static Scene,
    /// Lines of the scene already said.
    said: usize,
    tone: Tone,
}

impl Talk {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Message>) {
        let opening = self.scene.opening.choose(&mut self.rng).copied().unwrap_or(&["Hola"]);
        for line in opening {
            self.type_and_say(line).await;
        }
        let mut nudges = 0;
        let mut thanked = false;
        let mut answers = 0;
        loop {
            let patience = self.seconds(70.0, 200.0) * if thanked { 2 } else { 1 };
            let Ok(Some(first)) = tokio::time::timeout(patience, inbox.recv()).await else {
                if thanked || nudges >= 2 || answers >= 14 {
                    break;
                }
                nudges += 1;
                let lines = if nudges == 1 {
                    self.words().nudge
                } else {
                    self.words().angry
                };
                if nudges > 1 {
                    self.tone = Tone::Impatient;
                }
                let line = lines.choose(&mut self.rng).copied().unwrap_or("?");
                self.type_and_say(line).await;
                continue;
            };
            nudges = 0;
            // People look at the phone after a moment, and read everything that has come by then.
            tokio::time::sleep(self.seconds(1.0, 5.0)).await;
            let mut all = vec![first];
            while let Ok(more) = inbox.try_recv() {
                all.push(more);
            }
            for message in &all {
                graph::read(&self.sim, message, now());
            }
            tokio::time::sleep(self.seconds(2.0, 9.0)).await;
            while let Ok(more) = inbox.try_recv() {
                graph::read(&self.sim, &more, now());
                all.push(more);
            }
            if thanked {
                if self.rng.random_bool(0.5)
                    && let Some(last) = all.last()
                {
                    let _ = react(&self.sim, &self.person, last, "👍");
                }
                break;
            }
            answers += 1;
            self.answer(&all).await;
            if self.said >= self.scene.lines.len() || answers >= 14 {
                let thanks = self.words().thanks;
                tokio::time::sleep(self.seconds(2.0, 6.0)).await;
                let line = thanks.choose(&mut self.rng).copied().unwrap_or("Gracias");
                self.type_and_say(line).await;
                thanked = true;
            }
        }
        // Afterwards the phone lies on the table and reads by itself.
        self.sim.store.change_person(&self.person.id, |p| p.auto_read = true);
    }

    async fn answer(&mut self, all: &[Message]) {
        if let Some(choice) = all.iter().rev().find_map(|m| self.tap(m)) {
            self.pause_for(12).await;
            self.send(choice);
            return;
        }
        let asked: String = all.iter().map(said_text).collect::<Vec<_>>().join(" ").to_lowercase();
        let words = self.words();
        let has = |keys: &[&str]| keys.iter().any(|k| asked.contains(k));
        if asked.contains('?') {
            if has(words.ask_name) {
                return self.type_and_say(&self.name.clone()).await;
            }
            if has(&["mail", "correo"]) {
                let mail = format!(
                    "{}@example.com",
                    self.name
                        .to_lowercase()
                        .replace(' ', ".")
                        .replace(|c: char| !c.is_ascii(), "")
                );
                return self.type_and_say(&mail).await;
            }
            if has(words.ask_order) {
                let order = format!("{}-{}", words.order, self.rng.random_range(10_000..99_999));
                return self.type_and_say(&order).await;
            }
            if has(words.ask_id) {
                let id = self.rng.random_range(20_000_000..45_000_000_u32).to_string();
                return self.type_and_say(&id).await;
            }
            if has(words.ask_photo) {
                return self.send_picture().await;
            }
            if has(words.ask_place) {
                self.pause_for(8).await;
                let (latitude, longitude) = (
                    -34.6 + self.rng.random_range(-0.05..0.05),
                    -58.43 + self.rng.random_range(-0.05..0.05),
                );
                return self.send(Writing {
                    kind: Some("location".into()),
                    latitude: Some(latitude),
                    longitude: Some(longitude),
                    name: Some(words.home.into()),
                    ..Writing::default()
                });
            }
        }
        let Some(line) = self.scene.lines.get(self.said).copied() else {
            return;
        };
        self.said += 1;
        match line {
            "[imagen]" => self.send_picture().await,
            "[documento]" => {
                self.pause_for(10).await;
                let bytes = samples::document(&format!("Comprobante de {}", self.name));
                let id = self
                    .sim
                    .store
                    .add_media(&self.number, bytes.into(), "application/pdf", None)
                    .0;
                self.send(Writing {
                    kind: Some("document".into()),
                    media: Some(id),
                    filename: Some("comprobante.pdf".into()),
                    ..Writing::default()
                });
            }
            line => {
                // Some write in one go, some in pieces.
                let pieces: Vec<&str> = if self.rng.random_bool(0.4) {
                    line.split(". ").collect()
                } else {
                    vec![line]
                };
                for piece in pieces {
                    self.type_and_say(piece).await;
                }
            }
        }
    }

    /// A tap on one of the options of a message, if it has any.
    fn tap(&mut self, message: &Message) -> Option<Writing> {
        let text = |v: &Value, key: &str| v[key].as_str().map(str::to_owned);
        let writing = |kind: &str| Writing {
            kind: Some(kind.into()),
            reply_to: Some(message.id.clone()),
            ..Writing::default()
        };
        if let Some(buttons) = message.body.pointer("/action/buttons").and_then(Value::as_array) {
            let reply = &buttons.choose(&mut self.rng)?["reply"];
            return Some(Writing {
                id: text(reply, "id"),
                title: text(reply, "title"),
                ..writing("button")
            });
        }
        if let Some(sections) = message.body.pointer("/action/sections").and_then(Value::as_array) {
            let rows: Vec<&Value> = sections.iter().filter_map(|s| s["rows"].as_array()).flatten().collect();
            let row = rows.choose(&mut self.rng)?;
            let description = text(row, "description");
            return Some(Writing {
                id: text(row, "id"),
                title: text(row, "title"),
                description,
                ..writing("list")
            });
        }
        let buttons = message.rendered.as_ref()?["buttons"].as_array()?;
        let quick: Vec<&Value> = buttons.iter().filter(|b| b["type"] == "QUICK_REPLY").collect();
        let button = quick.choose(&mut self.rng)?;
        Some(Writing {
            id: text(button, "payload"),
            title: text(button, "text"),
            ..writing("template_button")
        })
    }

    async fn send_picture(&mut self) {
        self.pause_for(10).await;
        let seed = self.rng.random();
        let id = self
            .sim
            .store
            .add_media(&self.number, samples::picture(seed).into(), "image/png", None)
            .0;
        let caption = self.words().caption.choose(&mut self.rng).map(|c| (*c).to_owned());
        self.send(Writing {
            kind: Some("image".into()),
            media: Some(id),
            caption,
            ..Writing::default()
        });
    }

    async fn type_and_say(&mut self, line: &str) {
        self.pause_for(line.chars().count()).await;
        let text = match self.tone {
            Tone::Impatient if line.len() < 60 && self.rng.random_bool(0.3) => line.to_uppercase(),
            _ => line.to_owned(),
        };
        self.send(Writing {
            text: Some(text),
            ..Writing::default()
        });
    }

    fn send(&self, writing: Writing) {
        let writing = Writing {
            phone_number_id: Some(self.number.clone()),
            ..writing
        };
        if say(&self.sim, &self.person.id, writing).is_err() {
            tracing::debug!("a simulated person had nothing valid to say");
        }
    }

    /// Time to type this many characters, at some six a second.
    async fn pause_for(&mut self, characters: usize) {
        let seconds = (characters as f64 / 6.0).clamp(1.0, 12.0);
        tokio::time::sleep(self.seconds(seconds * 0.7, seconds * 1.4)).await;
    }

    fn seconds(&mut self, from: f64, to: f64) -> Duration {
        let speed = self.sim.traffic.wanted.borrow().speed.max(0.1);
        Duration::from_secs_f64(self.rng.random_range(from..to) / speed)
    }

    fn words(&self) -> &'static Words {
        match self.scene.language {
            "pt" => &PORTUGUESE,
            "en" => &ENGLISH,
            _ => &SPANISH,
        }
    }
}

/// What a message of the business says.
fn said_text(message: &Message) -> String {
    let part = &message.body;
    let rendered = message.rendered.as_ref().and_then(|r| r["body"].as_str());
    let text = match message.kind.as_str() {
        "text" => part["body"].as_str(),
        "interactive" => part.pointer("/body/text").and_then(Value::as_str),
        "template" => rendered,
        _ => part["caption"].as_str(),
    };
    text.unwrap_or_default().to_owned()
}

struct Words {
    nudge: &'static [&'static str],
    angry: &'static [&'static str],
    thanks: &'static [&'static str],
    caption: &'static [&'static str],
    ask_name: &'static [&'static str],
    ask_order: &'static [&'static str],
    ask_id: &'static [&'static str],
    ask_photo: &'static [&'static str],
    ask_place: &'static [&'static str],
    order: &'static str,
    home: &'static str,
}

static SPANISH: Words = Words {
    nudge: &[
        "Hola? Hay alguien?",
        "¿Siguen ahí?",
        "Perdón, ¿pudo ver mi consulta?",
        "Quedo a la espera 🙏",
    ],
    angry: &[
        "Hace rato que espero y nadie contesta",
        "La verdad, pésima la atención. Voy a ir a otro lado",
        "¿Me van a responder o no?",
    ],
    thanks: &[
        "Muchas gracias!",
        "Perfecto, mil gracias 🙌",
        "Genial, muy amable",
        "Listo, gracias. Buen día!",
    ],
    caption: &["Acá va la foto", "Mire cómo llegó", "Le mando la captura"],
    ask_name: &[
        "su nombre",
        "tu nombre",
        "nombre completo",
        "cómo se llama",
        "con quién tengo",
    ],
    ask_order: &[
        "número de pedido",
        "nro de pedido",
        "número de orden",
        "código de seguimiento",
        "número de compra",
    ],
    ask_id: &["dni", "documento", "cuit"],
    ask_photo: &["foto", "imagen", "captura", "comprobante"],
    ask_place: &["dirección", "domicilio", "ubicación", "dónde vive", "zona"],
    order: "A",
    home: "Casa",
};

static PORTUGUESE: Words = Words {
    nudge: &["Oi, tem alguém aí?", "Conseguiu ver minha mensagem?", "Fico no aguardo"],
    angry: &[
        "Estou esperando faz tempo…",
        "Péssimo atendimento",
        "Vão me responder ou não?",
    ],
    thanks: &["Muito obrigada!", "Perfeito, obrigado 🙏", "Show, valeu!"],
    caption: &["Segue a foto", "Olha como chegou"],
    ask_name: &["seu nome", "nome completo"],
    ask_order: &["número do pedido", "código de rastreio"],
    ask_id: &["cpf", "documento"],
    ask_photo: &["foto", "imagem", "comprovante"],
    ask_place: &["endereço", "localização"],
    order: "BR",
    home: "Casa",
};

static ENGLISH: Words = Words {
    nudge: &["Hello? Anyone there?", "Did you get my message?", "Still waiting…"],
    angry: &[
        "I have been waiting for ages",
        "This is really poor service",
        "Are you going to answer me?",
    ],
    thanks: &["Thank you so much!", "Great, thanks a lot", "Perfect, have a nice day"],
    caption: &["Here is the photo", "This is how it arrived"],
    ask_name: &["your name", "full name"],
    ask_order: &["order number", "tracking"],
    ask_id: &["id number", "document"],
    ask_photo: &["photo", "picture", "receipt", "screenshot"],
    ask_place: &["address", "location"],
    order: "US",
    home: "Home",
};

/// Why somebody writes: ways to begin, each a few messages, and what follows answer by answer.
struct Scene {
    language: &'static str,
    weight: u32,
    opening: &'static [&'static [&'static str]],
    lines: &'static [&'static str],
}

static SCENES: &[Scene] = &[
    Scene {
        language: "es",
        weight: 12,
        opening: &[
            &[
                "Hola buen día",
                "Quería saber por mi pedido, figura despachado hace una semana y no llegó",
            ],
            &["Buenas! Mi pedido todavía no llega", "Me pueden ayudar?"],
            &["Hola, tengo un envío demorado"],
        ],
        lines: &[
            "El pedido es el A-48213. Lo compré el lunes pasado",
            "Sí, esa es la dirección. Siempre hay alguien en casa",
            "¿Y cuándo llegaría entonces?",
            "Bueno, lo espero. Si no llega vuelvo a escribir",
        ],
    },
    Scene {
        language: "es",
        weight: 10,
        opening: &[
            &["Hola! Quisiera sacar un turno"],
            &["Buen día, ¿tienen turnos para esta semana?"],
        ],
        lines: &[
            "Para limpieza. Puede ser a la tarde?",
            "El jueves me viene bien. Después de las 17",
            "Sí, a las 17:30 perfecto",
        ],
    },
    Scene {
        language: "es",
        weight: 9,
        opening: &[
            &[
                "Hola, compré unas zapatillas y me quedaron chicas",
                "¿Se pueden cambiar?",
            ],
            &["Buenas tardes, necesito hacer un cambio de talle"],
        ],
        lines: &[
            "Son 38 y necesito 39. Las negras",
            "[imagen]",
            "Están sin uso, con la caja",
            "¿El envío del cambio tiene costo?",
            "Ok, prefiero pasar por el local",
        ],
    },
    Scene {
        language: "es",
        weight: 8,
        opening: &[
            &["Hola, ya hice la transferencia", "Les paso el comprobante"],
            &["Buenas, cómo mando el comprobante de pago?"],
        ],
        lines: &["[documento]", "Es por la factura de este mes", "¿Ya queda acreditado?"],
    },
    Scene {
        language: "es",
        weight: 8,
        opening: &[
            &["Hola! Vi la publicación de Instagram, ¿sigue la promo?"],
            &["Buenas, ¿qué precio tiene el plan familiar?"],
            &["Hola, quería consultar precios"],
        ],
        lines: &[
            "Somos cuatro, dos chicos",
            "¿Y se puede pagar en cuotas?",
            "Ah bien, con la tarjeta del banco entonces. ¿Cuántas cuotas sin interés?",
            "Lo hablo en casa y les confirmo",
        ],
    },
    Scene {
        language: "es",
        weight: 7,
        opening: &[
            &["Buenas, me cobraron dos veces", "Ya es la segunda vez que pasa!!"],
            &["Necesito hablar con alguien por un cobro de más"],
        ],
        lines: &[
            "El del día 3 y otro igual el día 4",
            "[imagen]",
            "¿En cuánto me lo devuelven?",
            "Está bien, espero la devolución. Pero por favor que no vuelva a pasar",
        ],
    },
    Scene {
        language: "es",
        weight: 6,
        opening: &[&["Hola, ¿están abiertos hoy?"], &["Hola! ¿Hasta qué hora atienden?"]],
        lines: &["¿Y los sábados?", "Bárbaro, paso más tarde"],
    },
    Scene {
        language: "es",
        weight: 6,
        opening: &[
            &["Hola, no puedo entrar a mi cuenta", "Me dice contraseña incorrecta"],
            &["No me llega el código para ingresar"],
        ],
        lines: &[
            "Ya probé eso y nada",
            "Desde el celular. Un Android",
            "Ahí me llegó! Déjeme probar",
            "Ya pude entrar",
        ],
    },
    Scene {
        language: "es",
        weight: 5,
        opening: &[&["Buen día", "Quiero dar de baja el servicio"]],
        lines: &[
            "Me mudo y en la zona nueva no hay cobertura",
            "No, gracias, ya está decidido",
            "¿Me queda algo por pagar?",
            "De acuerdo. ¿Me mandan una constancia por correo?",
        ],
    },
    Scene {
        language: "es",
        weight: 5,
        opening: &[
            &["Hola, el producto llegó roto 😞"],
            &["Buenas, recién me llegó el paquete y vino golpeado"],
        ],
        lines: &[
            "[imagen]",
            "Se ve que lo golpearon en el viaje",
            "Prefiero que me manden otro",
            "Dale, lo dejo preparado para que lo retiren",
        ],
    },
    Scene {
        language: "pt",
        weight: 4,
        opening: &[
            &["Oi, bom dia!", "Meu pedido ainda não chegou"],
            &["Olá, vocês entregam no Brasil?"],
        ],
        lines: &[
            "Comprei na semana passada",
            "O endereço está certo sim",
            "Certo, vou aguardar",
        ],
    },
    Scene {
        language: "pt",
        weight: 2,
        opening: &[&["Boa tarde, gostaria de trocar um produto"]],
        lines: &[
            "Ficou pequeno, preciso de um número maior",
            "[imagen]",
            "Pode ser por correio",
        ],
    },
    Scene {
        language: "en",
        weight: 3,
        opening: &[
            &["Hi there", "Do you ship internationally?"],
            &["Hello, I need help with my order"],
        ],
        lines: &[
            "I ordered last week and have not heard anything",
            "Yes, that is my address",
            "Okay, I will wait then",
        ],
    },
];

static SPANISH_NAMES: &[&str] = &[
    "Julia",
    "Martín",
    "Sofía",
    "Lucía",
    "Tomás",
    "Valentina",
    "Agustín",
    "Camila",
    "Nicolás",
    "Florencia",
    "Joaquín",
    "Micaela",
    "Bruno",
    "Carla",
    "Ezequiel",
    "Rocío",
    "Facundo",
    "Paula",
    "Gonzalo",
    "Daniela",
    "Emilia",
    "Ramiro",
    "Ximena",
    "Hernán",
    "Noelia",
    "Iván",
    "Mariana",
    "Lautaro",
    "Celeste",
    "Damián",
];
static PORTUGUESE_NAMES: &[&str] = &[
    "Beatriz", "João", "Larissa", "Thiago", "Fernanda", "Rafael", "Letícia", "Caio",
];
static ENGLISH_NAMES: &[&str] = &["Emma", "Liam", "Olivia", "Noah", "Grace", "Henry", "Chloe", "Jack"];
static SURNAMES: &[&str] = &[
    "Fernández",
    "Gómez",
    "Ruiz",
    "Acosta",
    "Molina",
    "Silva",
    "Romero",
    "Vega",
    "Castro",
    "Ibarra",
    "Sosa",
    "Paz",
    "Luna",
    "Ferreyra",
    "Duarte",
    "Méndez",
    "Ríos",
    "Benítez",
    "Cabrera",
    "Quiroga",
    "Navarro",
    "Peralta",
];
