//! What people of the demo say. Everything here is invented.

/// Why somebody writes, and how it goes: after the opening, agent and customer take turns.
pub struct Topic {
    /// Words in the first messages by which an agent knows it, in lower case.
    pub words: &'static [&'static str],
    pub opening: &'static [&'static str],
    /// Replies in order. The first one is said after a greeting.
    pub agent: &'static [&'static str],
    /// What the customer says after each reply but the last.
    pub customer: &'static [&'static str],
    /// `es`, `pt` or `en`.
    pub language: &'static str,
    /// Whether it begins in the web chat now and then.
    pub web: bool,
}

/// The more particular ones first: the first whose words are found is it.
pub static TOPICS: &[Topic] = &[
    Topic {
        words: &["roto", "golpeado", "quebrad"],
        opening: &["Hola, recién abrí la caja y el mate vino quebrado 😞"],
        agent: &[
            "¡Qué macana, disculpá! Mandame una foto de cómo llegó y lo resolvemos.",
            "Gracias, se ve clarísimo. No te preocupes, corre por nuestra cuenta.",
            "¿Preferís que te mandemos otro o que te devolvamos el dinero?",
            "Hecho: sale otro mañana y el correo retira el roto al entregar. No tenés que pagar nada.",
        ],
        customer: &[
            "Ahí va. Se ve la rajadura de arriba abajo",
            "Bueno, menos mal",
            "Prefiero que me manden otro",
        ],
        language: "es",
        web: false,
    },
    Topic {
        words: &["cobraron", "cobro", "dos veces"],
        opening: &["Buenas, me cobraron dos veces la misma compra"],
        agent: &[
            "Lo reviso enseguida. ¿De qué fechas son los dos cobros?",
            "Lo veo: el segundo quedó duplicado por un corte de la tarjeta. Ya pedí la anulación.",
            "En el resumen aparece en 5 a 10 días hábiles, según el banco.",
            "Tenés razón, lo dejo anotado para que no se repita. Perdón por la molestia.",
        ],
        customer: &[
            "Uno es del lunes y el otro del martes, los dos de $ 32.500",
            "¿Y cuándo lo veo en la tarjeta?",
            "Ok. Igual es la segunda vez que me pasa",
        ],
        language: "es",
        web: false,
    },
    Topic {
        words: &["cambi", "zapatillas"],
        opening: &[
            "Hola! Compré un termo y me gustaría cambiarlo por otro color",
            "¿Se puede?",
        ],
        agent: &[
            "¡Claro! Tenés 30 días. ¿Cuál te llevaste y por cuál lo querés cambiar?",
            "Hay en stock. Si está sin uso y con su caja, lo cambiamos sin problema.",
            "Si lo enviás vos, el envío corre por nuestra cuenta. También podés pasar por el local.",
            "Perfecto, te lo dejo separado a tu nombre hasta el sábado.",
        ],
        customer: &[
            "Me llevé el negro y lo quiero en verde",
            "Sí, ni lo saqué de la caja. ¿El envío tiene costo?",
            "Prefiero pasar por el local entonces",
        ],
        language: "es",
        web: true,
    },
    Topic {
        words: &["comprobante", "transferencia", "factura"],
        opening: &["Hola, ya hice la transferencia", "¿Les mando el comprobante por acá?"],
        agent: &[
            "¡Gracias! Sí, mandalo por acá y lo imputo.",
            "Recibido. Lo estoy cruzando con el banco.",
            "Ya está acreditado. La factura te llega por correo en unos minutos.",
        ],
        customer: &["Listo, son $ 41.000 del Banco Nación", "Genial. ¿Me hacen factura A?"],
        language: "es",
        web: false,
    },
    Topic {
        words: &["turno"],
        opening: &["Buen día, ¿tienen turnos para el taller de esta semana?"],
        agent: &[
            "¡Sí! Quedan lugares. ¿Qué día y en qué horario te queda bien?",
            "El jueves tengo 17:30 y 18:30. ¿Cuál preferís?",
            "¡Anotado! Te llega un recordatorio el día anterior.",
        ],
        customer: &["El jueves después de las 17", "17:30 perfecto"],
        language: "es",
        web: true,
    },
    Topic {
        words: &["cuenta", "código", "contraseña", "ingresar"],
        opening: &["Hola, no puedo entrar a mi cuenta", "Me dice contraseña incorrecta"],
        agent: &[
            "Te ayudo. ¿Probaste con «Olvidé mi contraseña»? A veces cae en no deseados.",
            "¿Entrás desde el celular o desde la computadora?",
            "Te acabo de reenviar el código. Fijate si llegó.",
            "¡Buenísimo! Cualquier cosa acá estamos.",
        ],
        customer: &[
            "Ya probé y no llega nada",
            "Desde el celular",
            "Ahora sí, llegó. Ya pude entrar",
        ],
        language: "es",
        web: true,
    },
    Topic {
        words: &["dar de baja", "baja el"],
        opening: &["Buen día", "Quiero dar de baja la suscripción de yerba mensual"],
        agent: &[
            "Hola, lamento que nos dejes. ¿Me contás el motivo? A veces lo podemos resolver.",
            "Entiendo. Si querés la pausamos dos meses sin costo. ¿La pausamos o la damos de baja?",
            "Listo, quedó dada de baja y no se te debe nada. ¿Necesitás algo más?",
            "Te la mando hoy mismo al correo de la cuenta.",
        ],
        customer: &[
            "Me mudo al exterior",
            "Gracias, pero ya está decidido",
            "¿Me mandan una constancia?",
        ],
        language: "es",
        web: false,
    },
    Topic {
        words: &["abierto", "atienden", "horario"],
        opening: &["Hola! ¿Hasta qué hora atienden hoy?"],
        agent: &[
            "¡Hola! Hoy estamos hasta las 19.",
            "Los sábados de 10 a 14. ¡Te esperamos!",
        ],
        customer: &["¿Y los sábados?"],
        language: "es",
        web: true,
    },
    Topic {
        words: &["promo", "precio", "plan", "cuotas"],
        opening: &["Hola! Vi en Instagram el combo de mate y termo", "¿Sigue la promo?"],
        agent: &[
            "¡Sí, hasta el domingo! El combo sale $ 52.000 con envío incluido. ¿Para cuántas personas lo buscás?",
            "Entonces te recomiendo el mate Torpedo con el termo de un litro: alcanza justo.",
            "Sí: tres cuotas sin interés con todas las tarjetas, seis con la del banco.",
            "¡Dale! Te guardo el precio hasta el domingo.",
        ],
        customer: &[
            "Somos cuatro en la oficina",
            "¿Se puede pagar en cuotas?",
            "Lo hablo con los chicos y les confirmo",
        ],
        language: "es",
        web: true,
    },
    Topic {
        words: &["entregam", "pedido ainda", "trocar", "brasil"],
        opening: &["Oi, boa tarde!", "Vocês entregam no Brasil?"],
        agent: &[
            "Oi! Entregamos sim, para todo o Brasil. Quando foi a sua compra, ou ainda está escolhendo?",
            "Perfeito. O prazo é de 8 a 12 dias úteis e você acompanha tudo por aqui.",
            "Combinado! Mando o link de rastreio assim que sair.",
        ],
        customer: &[
            "Ainda estou escolhendo, quero o kit com dois mates",
            "Ótimo, vou comprar hoje",
        ],
        language: "pt",
        web: false,
    },
    Topic {
        words: &["ship", "order", "hello", "hi there"],
        opening: &["Hi there", "Do you ship to the United States?"],
        agent: &[
            "Hi! Yes, we ship worldwide. When did you order, or are you still choosing?",
            "Thanks. Shipping takes 8 to 12 business days. Is the delivery details page filled in already?",
            "All good then. You will get a message as soon as it leaves the workshop.",
        ],
        customer: &["Still choosing, I want two gourds as a gift", "Yes, all done"],
        language: "en",
        web: true,
    },
    Topic {
        words: &["pedido", "envío", "no llega", "paquete", "seguimiento"],
        opening: &[
            "Hola buen día",
            "Quería saber por mi pedido, figura despachado hace una semana y no llegó",
        ],
        agent: &[
            "Ya lo reviso. ¿Me contás qué pedido es y cuándo lo compraste?",
            "Gracias, ya lo veo. ¿La entrega es en Av. Rivadavia 4520, timbre 3?",
            "Hubo una visita fallida y quedó en la sucursal. Ya pedí que vuelvan a pasar.",
            "Entre mañana y pasado, de 9 a 18. Te llega un aviso cuando sale a reparto.",
        ],
        customer: &[
            "Es el A-48213, lo compré el lunes pasado",
            "Sí, esa es. Siempre hay alguien en casa",
            "¿Y cuándo llegaría entonces?",
        ],
        language: "es",
        web: true,
    },
];

/// Customers of open conversations when a demo starts.
pub static ASKING_AGAIN: &[&str] = &[
    "Hola, ¿alguna novedad de lo mío?",
    "Buenas! ¿Pudieron ver lo que les pregunté?",
    "Hola de nuevo, quedé a la espera 🙏",
    "Perdón que insista, ¿hay novedades?",
];

pub static THANKS: &[&str] = &[
    "Muchas gracias!",
    "Perfecto, mil gracias 🙌",
    "Genial, muy amable",
    "Listo, gracias. Buen día!",
];

/// Words by which one knows that somebody says thanks.
static GRATEFUL: &[&str] = &["gracias", "muy amable", "obrigad", "valeu", "thank", "have a nice"];

/// Words of somebody who waits too long.
static WAITING: &[&str] = &[
    "hay alguien",
    "siguen ahí",
    "pudo ver",
    "la espera",
    "hace rato",
    "pésim",
    "responder o no",
    "novedad",
    "insista",
    "les pregunté",
    "alguém aí",
    "aguardo",
    "esperando faz",
    "anyone there",
    "get my message",
    "still waiting",
    "ages",
    "poor service",
    "going to answer",
];

pub static NOTES: &[&str] = &[
    "Cliente habitual, tratarlo con prioridad.",
    "Ya tuvo un reclamo el mes pasado. Ofrecer envío sin cargo.",
    "Confirmé con depósito: hay stock.",
    "Pidió que lo llamen después de las 18.",
];

struct Words {
    greeting: &'static str,
    sorry: &'static [&'static str],
    goodbye: &'static [&'static str],
    /// When the story is told.
    anything: &'static [&'static str],
    /// When one does not know what it is about.
    unsure: &'static str,
}

static SPANISH: Words = Words {
    greeting: "¡Hola",
    sorry: &[
        "Acá estoy, perdón por la demora. Ya lo estoy viendo.",
        "Disculpá la espera, teníamos varias consultas juntas. Ahora mismo lo reviso.",
    ],
    goodbye: &[
        "¡De nada! Que tengas un lindo día 🙂",
        "¡Gracias a vos! Cualquier cosa escribinos por acá.",
        "¡Un gusto! Estamos para lo que necesites.",
    ],
    anything: &[
        "Perfecto. ¿Te ayudo con algo más?",
        "Dale, ya quedó anotado.",
        "¡Buenísimo! Cualquier cosa escribinos por acá.",
    ],
    unsure: "Lo consulto con el equipo y te confirmo por acá en un rato.",
};

static PORTUGUESE: Words = Words {
    greeting: "Oi",
    sorry: &["Desculpe a demora, já estou vendo o seu caso."],
    goodbye: &["Por nada! Tenha um ótimo dia 🙂"],
    anything: &["Certo, já deixei registrado. Posso ajudar em algo mais?"],
    unsure: "Vou consultar a equipe e já te respondo por aqui.",
};

static ENGLISH: Words = Words {
    greeting: "Hello",
    sorry: &["Sorry for the wait, I am looking into it right now."],
    goodbye: &["You are welcome! Have a great day 🙂"],
    anything: &["Thanks, I have noted it down. Is there anything else I can help with?"],
    unsure: "Let me check with the team, I will get back to you here.",
};

fn words(language: &str) -> &'static Words {
    match language {
        "pt" => &PORTUGUESE,
        "en" => &ENGLISH,
        _ => &SPANISH,
    }
}

/// Whether somebody says thanks.
#[must_use]
pub fn is_thanks(text: &str) -> bool {
    // "No, thanks" goes on.
    let text = text
        .to_lowercase()
        .replace("no, gracias", "")
        .replace("gracias, pero", "");
    GRATEFUL.iter().any(|w| text.contains(w))
}

fn is_waiting(text: &str) -> bool {
    let text = text.to_lowercase();
    WAITING.iter().any(|w| text.contains(w))
}

/// What an agent knows when answering.
pub struct Asked<'a> {
    /// What the customer said in this conversation, joined.
    pub all: &'a str,
    /// What the customer said since the last reply, joined.
    pub last: &'a str,
    /// Replies that agents have given.
    pub replies: usize,
    pub customer: &'a str,
    pub agent: &'a str,
}

/// A reply. `pick` is any number.
#[must_use]
pub fn reply(asked: &Asked<'_>, pick: usize) -> String {
    let all = asked.all.to_lowercase();
    let topic = TOPICS.iter().find(|t| t.words.iter().any(|w| all.contains(w)));
    let words = words(topic.map_or("es", |t| t.language));
    let any = |list: &'static [&'static str]| list[pick % list.len()];
    if asked.replies > 0 && is_thanks(asked.last) {
        return any(words.goodbye).into();
    }
    let text = match topic.and_then(|t| t.agent.get(asked.replies)) {
        _ if asked.replies > 0 && is_waiting(asked.last) => any(words.sorry),
        Some(text) => *text,
        None if topic.is_none() => words.unsure,
        None => any(words.anything),
    };
    if asked.replies == 0 {
        return first(words.greeting, asked.customer, asked.agent, text);
    }
    text.into()
}

/// The first reply of a topic as an agent says it to somebody.
#[must_use]
pub fn opening_reply(topic: &Topic, customer: &str, agent: &str) -> String {
    first(
        words(topic.language).greeting,
        customer,
        agent,
        topic.agent.first().copied().unwrap_or_default(),
    )
}

/// The last words of an agent.
#[must_use]
pub fn goodbye(language: &str, pick: usize) -> &'static str {
    let list = words(language).goodbye;
    list[pick % list.len()]
}

fn first(greeting: &str, customer: &str, agent: &str, text: &str) -> String {
    // Visitors without a name are called by a number, which nobody says aloud.
    let named = !customer.chars().any(|c| c.is_ascii_digit());
    let who = customer.split_whitespace().next().filter(|_| named).unwrap_or_default();
    let me = agent.split_whitespace().next().unwrap_or_default();
    let bare = text
        .trim_start_matches("¡Hola! ")
        .trim_start_matches("Oi! ")
        .trim_start_matches("Hi! ");
    let bare = bare.trim_start_matches("Hola, ");
    let mut capital = bare.chars();
    let bare: String = capital
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(capital)
        .collect();
    let space = if who.is_empty() { "" } else { " " };
    match greeting {
        "Oi" => format!("Oi{space}{who}! Aqui é {me}. {bare}"),
        "Hello" => format!("Hello{space}{who}! This is {me}. {bare}"),
        _ => format!("¡Hola{space}{who}! Soy {me}. {bare}"),
    }
}

pub static FIRST_NAMES: &[&str] = &[
    "Julia",
    "Tomás",
    "Valentina",
    "Agustín",
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

pub static SURNAMES: &[&str] = &[
    "Fernández",
    "Gómez",
    "Acosta",
    "Molina",
    "Silva",
    "Romero",
    "Castro",
    "Ibarra",
    "Paz",
    "Luna",
    "Ferreyra",
    "Duarte",
    "Méndez",
    "Ríos",
    "Cabrera",
    "Quiroga",
    "Navarro",
    "Peralta",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(all: &'a str, last: &'a str, replies: usize) -> Asked<'a> {
        Asked {
            all,
            last,
            replies,
            customer: "Julia Gómez",
            agent: "Lucía Benítez",
        }
    }

    #[test]
    fn every_topic_is_known_by_its_own_opening_and_takes_turns() {
        for (i, t) in TOPICS.iter().enumerate() {
            let all = t.opening.join(" ").to_lowercase();
            let found = TOPICS.iter().position(|o| o.words.iter().any(|w| all.contains(w)));
            assert_eq!(found, Some(i), "{all}");
            assert_eq!(t.agent.len(), t.customer.len() + 1, "{all}");
        }
    }

    #[test]
    fn plat_12_agents_greet_answer_and_say_goodbye() {
        let first = reply(&asked("Hola, ¿están abiertos hoy?", "Hola, ¿están abiertos hoy?", 0), 0);
        assert!(first.starts_with("¡Hola Julia! Soy Lucía. "), "{first}");
        let bye = reply(&asked("Hola, ¿están abiertos hoy? gracias", "Muchas gracias", 2), 0);
        assert!(bye.starts_with("¡De nada"), "{bye}");
        assert!(!is_thanks("No, gracias, ya está decidido"));
        let late = reply(&asked("mi pedido", "Hola? Hay alguien?", 1), 0);
        assert!(late.contains("perdón"), "{late}");
    }
}
