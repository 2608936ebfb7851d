// Every text of the page, in Spanish (default), English and Portuguese.

const TEXTS = {
  es: {
    title: "Simulador de WhatsApp", people: "Clientes", search: "Buscar cliente", create: "Nuevo cliente",
    simulated: "Simulado", simulatedHint: "Nada de esto sale de esta máquina.", nobody: "Todavía no hay clientes",
    nobodyHint: "Cree uno y escriba como si fuera su teléfono.", notFound: "Nadie coincide con la búsqueda",
    pick: "Elija un cliente", pickHint: "o cree uno nuevo para escribirle a la empresa como en WhatsApp.",
    name: "Nombre", phone: "Teléfono", phoneHint: "Con código de país. Vacío: inventamos uno.", username: "Usuario (opcional)",
    hidePhone: "Ocultar el teléfono", hidePhoneHint: "La empresa solo recibe un identificador.",
    save: "Crear", cancel: "Cancelar", close: "Cerrar", back: "Volver", write: "Mensaje", send: "Enviar", attach: "Adjuntar",
    photo: "Foto o video", document: "Documento", audio: "Audio", place: "Ubicación", contact: "Contacto", sticker: "Sticker",
    record: "Grabar voz", stop: "Enviar la nota de voz", discard: "Descartar", recording: "Grabando",
    noMicrophone: "No hay micrófono disponible", business: "Cuenta de empresa", typing: "escribiendo…",
    today: "Hoy", yesterday: "Ayer", more: "Opciones", reply: "Responder", edit: "Editar", remove: "Eliminar", react: "Reaccionar",
    edited: "Editado", removed: "Eliminaste este mensaje", you: "Tú", chooseOption: "Elija una opción", template: "Plantilla",
    unsupported: "Mensaje que el teléfono no muestra", options: "Opciones del cliente", autoRead: "Lee solo",
    closeWindow: "Cerrar la ventana de 24 h", rotate: "Cambiar su identificador", renumber: "Cambiar de número",
    done: "Listo", failed: "No se pudo: {0}",
    st_sent: "En camino a la empresa", st_delivered: "Recibido por la empresa", st_read: "Leído por la empresa",
    st_failed: "La empresa no lo recibió", image: "Foto", video: "Video", voice: "Nota de voz", file: "Archivo", openLink: "Abrir enlace",
    lab: "Laboratorio", traffic: "Tráfico simulado", perMinute: "Conversaciones nuevas por minuto", speed: "Velocidad de la gente",
    active: "{0} en curso", off: "apagado", faults: "Fallas", faultsHint: "Para probar qué pasa cuando la plataforma anda mal.",
    reset: "Apagar todas", webhooks: "Entregas a Ronda", accepted: "aceptadas", refused: "rechazadas", waiting: "Sin conexión con {0}",
    language: "Idioma",
    f_answer_delay_ms: "Respuesta lenta (ms)", f_webhook_delay_ms: "Entrega demorada (ms)", f_duplicate_rate: "Entregas duplicadas",
    f_reorder_rate: "Entregas desordenadas", f_drop_rate: "Entregas perdidas", f_lost_answer_rate: "Respuestas perdidas",
    f_error: "Rechazar envíos", f_failed: "Fallar después de aceptar", f_code: "Código", f_reverse_statuses: "Estados al revés",
    f_skip_delivered: "Sin «entregado»", f_never_read: "Nunca se lee", f_batch: "Entregas agrupadas", f_hide_phones: "Ocultar todos los teléfonos",
    f_no_user_ids: "Sin identificadores", f_window_by_status: "Ventana cerrada por estado", f_no_rate_limits: "Sin límites de ritmo",
    latitude: "Latitud", longitude: "Longitud", placeName: "Nombre del lugar", share: "Compartir", number: "Número de la empresa",
    dropHere: "Suelte los archivos para enviarlos", newNumber: "Número nuevo",
  },
  en: {
    title: "WhatsApp simulator", people: "Customers", search: "Search customers", create: "New customer",
    simulated: "Simulated", simulatedHint: "None of this leaves this machine.", nobody: "No customers yet",
    nobodyHint: "Create one and write as if this were their phone.", notFound: "Nobody matches the search",
    pick: "Choose a customer", pickHint: "or create a new one to write to the business as on WhatsApp.",
    name: "Name", phone: "Phone", phoneHint: "With country code. Empty: we make one up.", username: "Username (optional)",
    hidePhone: "Hide the phone number", hidePhoneHint: "The business receives an identifier only.",
    save: "Create", cancel: "Cancel", close: "Close", back: "Back", write: "Message", send: "Send", attach: "Attach",
    photo: "Photo or video", document: "Document", audio: "Audio", place: "Location", contact: "Contact", sticker: "Sticker",
    record: "Record voice", stop: "Send the voice note", discard: "Discard", recording: "Recording",
    noMicrophone: "No microphone is available", business: "Business account", typing: "typing…",
    today: "Today", yesterday: "Yesterday", more: "Options", reply: "Reply", edit: "Edit", remove: "Delete", react: "React",
    edited: "Edited", removed: "You deleted this message", you: "You", chooseOption: "Choose an option", template: "Template",
    unsupported: "A message the phone does not show", options: "Customer options", autoRead: "Reads by itself",
    closeWindow: "Close the 24 h window", rotate: "Change their identifier", renumber: "Change number",
    done: "Done", failed: "That did not work: {0}",
    st_sent: "On its way to the business", st_delivered: "Received by the business", st_read: "Read by the business",
    st_failed: "The business did not receive it", image: "Photo", video: "Video", voice: "Voice note", file: "File", openLink: "Open link",
    lab: "Laboratory", traffic: "Simulated traffic", perMinute: "New conversations a minute", speed: "How fast people are",
    active: "{0} going on", off: "off", faults: "Faults", faultsHint: "To try what happens when the platform misbehaves.",
    reset: "Turn all off", webhooks: "Deliveries to Ronda", accepted: "accepted", refused: "refused", waiting: "No connection to {0}",
    language: "Language",
    f_answer_delay_ms: "Slow answers (ms)", f_webhook_delay_ms: "Delayed deliveries (ms)", f_duplicate_rate: "Duplicate deliveries",
    f_reorder_rate: "Deliveries out of order", f_drop_rate: "Lost deliveries", f_lost_answer_rate: "Lost answers",
    f_error: "Refuse sends", f_failed: "Fail after accepting", f_code: "Code", f_reverse_statuses: "States in reverse",
    f_skip_delivered: "No “delivered”", f_never_read: "Never read", f_batch: "Deliveries in batches", f_hide_phones: "Hide all phone numbers",
    f_no_user_ids: "No identifiers", f_window_by_status: "Closed window by status", f_no_rate_limits: "No rate limits",
    latitude: "Latitude", longitude: "Longitude", placeName: "Name of the place", share: "Share", number: "Business number",
    dropHere: "Drop files to send them", newNumber: "New number",
  },
  pt: {
    title: "Simulador de WhatsApp", people: "Clientes", search: "Buscar cliente", create: "Novo cliente",
    simulated: "Simulado", simulatedHint: "Nada disto sai desta máquina.", nobody: "Ainda não há clientes",
    nobodyHint: "Crie um e escreva como se fosse o telefone dele.", notFound: "Ninguém corresponde à busca",
    pick: "Escolha um cliente", pickHint: "ou crie um novo para escrever à empresa como no WhatsApp.",
    name: "Nome", phone: "Telefone", phoneHint: "Com código do país. Vazio: inventamos um.", username: "Usuário (opcional)",
    hidePhone: "Ocultar o telefone", hidePhoneHint: "A empresa recebe só um identificador.",
    save: "Criar", cancel: "Cancelar", close: "Fechar", back: "Voltar", write: "Mensagem", send: "Enviar", attach: "Anexar",
    photo: "Foto ou vídeo", document: "Documento", audio: "Áudio", place: "Localização", contact: "Contato", sticker: "Figurinha",
    record: "Gravar voz", stop: "Enviar a mensagem de voz", discard: "Descartar", recording: "Gravando",
    noMicrophone: "Não há microfone disponível", business: "Conta comercial", typing: "digitando…",
    today: "Hoje", yesterday: "Ontem", more: "Opções", reply: "Responder", edit: "Editar", remove: "Apagar", react: "Reagir",
    edited: "Editada", removed: "Você apagou esta mensagem", you: "Você", chooseOption: "Escolha uma opção", template: "Modelo",
    unsupported: "Mensagem que o telefone não mostra", options: "Opções do cliente", autoRead: "Lê sozinho",
    closeWindow: "Fechar a janela de 24 h", rotate: "Trocar o identificador", renumber: "Trocar de número",
    done: "Pronto", failed: "Não foi possível: {0}",
    st_sent: "A caminho da empresa", st_delivered: "Recebida pela empresa", st_read: "Lida pela empresa",
    st_failed: "A empresa não recebeu", image: "Foto", video: "Vídeo", voice: "Mensagem de voz", file: "Arquivo", openLink: "Abrir link",
    lab: "Laboratório", traffic: "Tráfego simulado", perMinute: "Conversas novas por minuto", speed: "Velocidade das pessoas",
    active: "{0} em andamento", off: "desligado", faults: "Falhas", faultsHint: "Para testar o que acontece quando a plataforma falha.",
    reset: "Desligar todas", webhooks: "Entregas à Ronda", accepted: "aceitas", refused: "recusadas", waiting: "Sem conexão com {0}",
    language: "Idioma",
    f_answer_delay_ms: "Resposta lenta (ms)", f_webhook_delay_ms: "Entrega atrasada (ms)", f_duplicate_rate: "Entregas duplicadas",
    f_reorder_rate: "Entregas fora de ordem", f_drop_rate: "Entregas perdidas", f_lost_answer_rate: "Respostas perdidas",
    f_error: "Recusar envios", f_failed: "Falhar depois de aceitar", f_code: "Código", f_reverse_statuses: "Estados invertidos",
    f_skip_delivered: "Sem «entregue»", f_never_read: "Nunca é lida", f_batch: "Entregas agrupadas", f_hide_phones: "Ocultar todos os telefones",
    f_no_user_ids: "Sem identificadores", f_window_by_status: "Janela fechada por estado", f_no_rate_limits: "Sem limites de ritmo",
    latitude: "Latitude", longitude: "Longitude", placeName: "Nome do lugar", share: "Compartilhar", number: "Número da empresa",
    dropHere: "Solte os arquivos para enviá-los", newNumber: "Novo número",
  },
};

export const LANGUAGES = { es: "Español", en: "English", pt: "Português" };

const stored = localStorage.getItem("ronda-sim-language");
export let language = stored in TEXTS ? stored : "es";

export function setLanguage(next) {
  language = next;
  localStorage.setItem("ronda-sim-language", next);
}

/** The text of `key`; `{0}` is replaced by the first value, and so on. */
export function t(key, ...values) {
  const text = TEXTS[language][key] ?? TEXTS.es[key] ?? key;
  return text.replace(/\{(\d)\}/g, (_, at) => values[at] ?? "");
}

const LOCALES = { es: "es-AR", en: "en-GB", pt: "pt-BR" };

export function clock(ms) {
  return new Date(ms).toLocaleTimeString(LOCALES[language], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}

export function day(ms) {
  const that = new Date(ms), now = new Date();
  const days = Math.round((new Date(now).setHours(0, 0, 0, 0) - new Date(that).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return t("today");
  if (days === 1) return t("yesterday");
  return that.toLocaleDateString(LOCALES[language], { day: "numeric", month: "long" });
}
