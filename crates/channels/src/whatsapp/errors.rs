//! The error codes of the platform: what each asks of us, and how to say it to a person (meta-platform §1.4, §12).

use crate::outcome::{ErrorClass, ProviderError};
use ErrorClass::{AccountLimit, Auth, Configuration, PairLimit, Permanent, Retry, WindowClosed};

/// One line of the table: first and last code of a range, class, key of the explanation.
type Row = (i64, i64, ErrorClass, &'static str);

/// Sorted by code, ranges do not overlap; both are tested.
const TABLE: &[Row] = &[
    (0, 0, Auth, "token_invalid"),
    (1, 2, Retry, "provider_trouble"),
    (3, 3, Auth, "permission_missing"),
    (4, 4, AccountLimit, "too_fast"),
    (10, 10, Auth, "permission_missing"),
    (17, 17, AccountLimit, "too_fast"),
    (32, 32, AccountLimit, "too_fast"),
    (33, 33, Configuration, "number_gone"),
    (100, 100, Permanent, "request_refused"),
    (190, 190, Auth, "token_invalid"),
    (200, 299, Auth, "permission_missing"),
    (368, 368, Configuration, "account_blocked"),
    (613, 613, AccountLimit, "too_fast"),
    (80_001, 80_008, AccountLimit, "too_fast"),
    (130_403, 130_403, Permanent, "recipient_blocked"),
    (130_429, 130_429, AccountLimit, "too_fast"),
    (130_472, 130_472, Permanent, "marketing_withheld"),
    (130_497, 130_497, Permanent, "country_not_allowed"),
    (131_000, 131_000, Retry, "provider_trouble"),
    (131_005, 131_005, Auth, "permission_missing"),
    (131_008, 131_009, Permanent, "request_refused"),
    (131_016, 131_016, Retry, "provider_trouble"),
    (131_021, 131_021, Permanent, "recipient_is_sender"),
    (131_026, 131_026, Permanent, "not_reachable"),
    (131_030, 131_030, Configuration, "recipient_not_allowed"),
    (131_031, 131_031, Configuration, "account_blocked"),
    (131_037, 131_037, Configuration, "name_not_approved"),
    (131_042, 131_042, Configuration, "payment_problem"),
    (131_044, 131_044, Configuration, "payment_problem"),
    (131_045, 131_045, Configuration, "number_not_registered"),
    (131_047, 131_047, WindowClosed, "window_closed"),
    (131_048, 131_048, AccountLimit, "spam_limit"),
    (131_049, 131_049, Permanent, "marketing_withheld"),
    (131_050, 131_050, Permanent, "opted_out"),
    (131_051, 131_051, Permanent, "kind_not_supported"),
    (131_052, 131_052, Permanent, "file_not_fetched"),
    (131_053, 131_053, Permanent, "file_refused"),
    (131_055, 131_055, Permanent, "request_refused"),
    (131_056, 131_056, PairLimit, "too_fast_for_person"),
    (131_057, 131_057, Retry, "provider_trouble"),
    (131_060, 131_060, Permanent, "only_in_phone_app"),
    (131_062, 131_062, Permanent, "needs_phone"),
    (131_063, 131_063, Configuration, "marketing_endpoint"),
    (131_064, 131_064, AccountLimit, "messaging_limit"),
    (132_000, 132_000, Permanent, "template_parameters"),
    (132_001, 132_001, Configuration, "template_missing"),
    (132_005, 132_005, Permanent, "text_too_long"),
    (132_007, 132_007, Configuration, "template_policy"),
    (132_008, 132_008, Permanent, "template_parameters"),
    (132_012, 132_012, Permanent, "template_parameters"),
    (132_015, 132_015, Configuration, "template_paused"),
    (132_016, 132_016, Configuration, "template_disabled"),
    (132_068, 132_069, Configuration, "flow_blocked"),
    (133_000, 133_000, Retry, "provider_trouble"),
    (133_004, 133_004, Retry, "provider_trouble"),
    (133_005, 133_006, Configuration, "number_not_registered"),
    (133_008, 133_009, Configuration, "number_not_registered"),
    (133_010, 133_010, Configuration, "number_not_registered"),
    (133_015, 133_016, Configuration, "number_not_registered"),
    (134_011, 134_011, Configuration, "payment_problem"),
    (134_100, 134_102, Configuration, "marketing_endpoint"),
    (135_000, 135_000, Permanent, "request_refused"),
    (137_000, 137_000, Permanent, "identity_changed"),
    (139_000, 139_004, Configuration, "flow_blocked"),
    (139_100, 139_103, Permanent, "block_list"),
    (147_001, 147_005, Configuration, "username_unavailable"),
];

/// The class of a code and the key of its explanation. A code that is not in the table is judged by the HTTP status of
/// the answer, where there was one: 401 and 403 mean access, 429 pace, 5xx a passing failure.
#[must_use]
pub fn classify(code: i64, http_status: Option<u16>) -> (ErrorClass, &'static str) {
    if code != 0 || http_status.is_none_or(|s| s == 401) {
        let at = TABLE.partition_point(|row| row.1 < code);
        if let Some(&(first, _, class, key)) = TABLE.get(at)
            && first <= code
        {
            return (class, key);
        }
    }
    match http_status {
        Some(401 | 403) => (Auth, "permission_missing"),
        Some(429) => (AccountLimit, "too_fast"),
        Some(500..) => (Retry, "provider_trouble"),
        _ => (Permanent, "unknown"),
    }
}

/// An error that was reported by a webhook.
#[must_use]
pub fn reported(code: i64, title: String, detail: String) -> ProviderError {
    let (class, key) = classify(code, None);
    ProviderError {
        code,
        subcode: None,
        class,
        key: key.to_owned(),
        title,
        detail,
        http_status: None,
        trace_id: None,
    }
}

/// What an error means in plain words, for `es`, `en` or `pt` (also `pt-BR` and the like; anything else reads Spanish).
/// Unknown keys have the text of `unknown`.
#[must_use]
pub fn explain(key: &str, language: &str) -> &'static str {
    let found = TEXTS.iter().find(|t| t.0 == key).unwrap_or(&UNKNOWN);
    match language.get(..2) {
        Some("en") => found.2,
        Some("pt") => found.3,
        _ => found.1,
    }
}

type Text = (&'static str, &'static str, &'static str, &'static str);

const UNKNOWN: Text = (
    "unknown",
    "WhatsApp rechazó el mensaje por un motivo que no conocemos.",
    "WhatsApp refused the message for a reason we do not know.",
    "O WhatsApp recusou a mensagem por um motivo que não conhecemos.",
);

/// Key, Spanish, English, Portuguese.
const TEXTS: &[Text] = &[
    UNKNOWN,
    (
        "token_invalid",
        "El acceso a WhatsApp venció o fue retirado. Un administrador debe conectar el número de nuevo.",
        "The access to WhatsApp expired or was withdrawn. An administrator must connect the number again.",
        "O acesso ao WhatsApp expirou ou foi retirado. Um administrador precisa conectar o número de novo.",
    ),
    (
        "permission_missing",
        "Falta un permiso en WhatsApp. Un administrador debe revisar la conexión del número.",
        "A WhatsApp permission is missing. An administrator must check the connection of the number.",
        "Falta uma permissão no WhatsApp. Um administrador precisa verificar a conexão do número.",
    ),
    (
        "provider_trouble",
        "WhatsApp tiene un problema pasajero. Volveremos a intentarlo.",
        "WhatsApp has a passing problem. We will try again.",
        "O WhatsApp está com um problema passageiro. Tentaremos de novo.",
    ),
    (
        "too_fast",
        "El número envió demasiados mensajes en poco tiempo. Esperamos y volvemos a intentarlo.",
        "The number sent too many messages in a short time. We wait and try again.",
        "O número enviou mensagens demais em pouco tempo. Esperamos e tentamos de novo.",
    ),
    (
        "too_fast_for_person",
        "Demasiados mensajes seguidos a esta persona. Esperamos y volvemos a intentarlo.",
        "Too many messages in a row to this person. We wait and try again.",
        "Mensagens demais em sequência para esta pessoa. Esperamos e tentamos de novo.",
    ),
    (
        "spam_limit",
        "WhatsApp limitó el número porque muchas personas lo bloquearon o denunciaron.",
        "WhatsApp limited the number because many people blocked or reported it.",
        "O WhatsApp limitou o número porque muitas pessoas o bloquearam ou denunciaram.",
    ),
    (
        "messaging_limit",
        "El número alcanzó su límite diario de personas a las que puede escribir primero.",
        "The number reached its daily limit of people it may write to first.",
        "O número atingiu o limite diário de pessoas a quem pode escrever primeiro.",
    ),
    (
        "number_gone",
        "WhatsApp ya no conoce este número o no tenemos acceso a él.",
        "WhatsApp no longer knows this number, or we have no access to it.",
        "O WhatsApp não conhece mais este número ou não temos acesso a ele.",
    ),
    (
        "number_not_registered",
        "El número no está registrado en la API de WhatsApp. Un administrador debe registrarlo.",
        "The number is not registered with the WhatsApp API. An administrator must register it.",
        "O número não está registrado na API do WhatsApp. Um administrador precisa registrá-lo.",
    ),
    (
        "account_blocked",
        "WhatsApp bloqueó la cuenta de la empresa.",
        "WhatsApp blocked the account of the business.",
        "O WhatsApp bloqueou a conta da empresa.",
    ),
    (
        "payment_problem",
        "Hay un problema de pago en la cuenta de WhatsApp de la empresa.",
        "There is a payment problem in the WhatsApp account of the business.",
        "Há um problema de pagamento na conta do WhatsApp da empresa.",
    ),
    (
        "name_not_approved",
        "WhatsApp todavía no aprobó el nombre del número.",
        "WhatsApp has not approved the name of the number yet.",
        "O WhatsApp ainda não aprovou o nome do número.",
    ),
    (
        "request_refused",
        "WhatsApp no aceptó el contenido del mensaje.",
        "WhatsApp did not accept the content of the message.",
        "O WhatsApp não aceitou o conteúdo da mensagem.",
    ),
    (
        "recipient_blocked",
        "Esta persona está bloqueada para el número.",
        "This person is blocked for the number.",
        "Esta pessoa está bloqueada para o número.",
    ),
    (
        "recipient_is_sender",
        "El destinatario es el mismo número que envía.",
        "The recipient is the sending number itself.",
        "O destinatário é o próprio número que envia.",
    ),
    (
        "recipient_not_allowed",
        "El número es de prueba y esta persona no está en su lista de destinatarios.",
        "This is a test number and this person is not on its list of recipients.",
        "O número é de teste e esta pessoa não está na lista de destinatários.",
    ),
    (
        "not_reachable",
        "No se pudo entregar: la persona no usa WhatsApp, no aceptó sus condiciones o tiene una versión antigua.",
        "It could not be delivered: the person is not on WhatsApp, has not accepted its terms or uses an old version.",
        "Não foi possível entregar: a pessoa não usa WhatsApp, não aceitou os termos ou tem uma versão antiga.",
    ),
    (
        "country_not_allowed",
        "La empresa no puede escribir a números de este país.",
        "The business may not write to numbers of this country.",
        "A empresa não pode escrever para números deste país.",
    ),
    (
        "window_closed",
        "Pasaron más de 24 horas desde el último mensaje del cliente. Solo se puede enviar una plantilla.",
        "More than 24 hours have passed since the customer's last message. Only a template can be sent.",
        "Passaram mais de 24 horas desde a última mensagem do cliente. Só é possível enviar um modelo.",
    ),
    (
        "marketing_withheld",
        "WhatsApp no entregó este mensaje promocional a la persona. Puede probarse después de 24 horas.",
        "WhatsApp did not deliver this marketing message to the person. It can be tried after 24 hours.",
        "O WhatsApp não entregou esta mensagem de marketing à pessoa. Pode-se tentar após 24 horas.",
    ),
    (
        "marketing_endpoint",
        "Las plantillas promocionales no están disponibles para esta cuenta.",
        "Marketing templates are not available for this account.",
        "Os modelos de marketing não estão disponíveis para esta conta.",
    ),
    (
        "opted_out",
        "La persona pidió no recibir mensajes promocionales.",
        "The person asked not to receive marketing messages.",
        "A pessoa pediu para não receber mensagens de marketing.",
    ),
    (
        "kind_not_supported",
        "WhatsApp no admite este tipo de mensaje.",
        "WhatsApp does not support this kind of message.",
        "O WhatsApp não oferece suporte a este tipo de mensagem.",
    ),
    (
        "file_not_fetched",
        "El archivo no se pudo descargar o es demasiado grande.",
        "The file could not be downloaded or is too large.",
        "Não foi possível baixar o arquivo ou ele é grande demais.",
    ),
    (
        "file_refused",
        "WhatsApp no aceptó el archivo: revise el tipo y el tamaño.",
        "WhatsApp did not accept the file: check its type and size.",
        "O WhatsApp não aceitou o arquivo: verifique o tipo e o tamanho.",
    ),
    (
        "only_in_phone_app",
        "Este mensaje solo se puede ver en la aplicación de WhatsApp del teléfono.",
        "This message can only be seen in the WhatsApp app on the phone.",
        "Esta mensagem só pode ser vista no aplicativo do WhatsApp no telefone.",
    ),
    (
        "needs_phone",
        "Esta plantilla necesita el teléfono de la persona, que no conocemos.",
        "This template needs the person's phone number, which we do not know.",
        "Este modelo precisa do telefone da pessoa, que não conhecemos.",
    ),
    (
        "template_parameters",
        "Los datos de la plantilla no coinciden con la plantilla aprobada.",
        "The values of the template do not match the approved template.",
        "Os dados do modelo não correspondem ao modelo aprovado.",
    ),
    (
        "template_missing",
        "La plantilla no existe en este idioma o no está aprobada.",
        "The template does not exist in this language or is not approved.",
        "O modelo não existe neste idioma ou não está aprovado.",
    ),
    (
        "template_policy",
        "El contenido de la plantilla va contra las políticas de WhatsApp.",
        "The content of the template is against WhatsApp's policies.",
        "O conteúdo do modelo viola as políticas do WhatsApp.",
    ),
    (
        "template_paused",
        "WhatsApp puso la plantilla en pausa por su calidad.",
        "WhatsApp paused the template because of its quality.",
        "O WhatsApp pausou o modelo por causa da qualidade.",
    ),
    (
        "template_disabled",
        "WhatsApp desactivó la plantilla por su calidad.",
        "WhatsApp disabled the template because of its quality.",
        "O WhatsApp desativou o modelo por causa da qualidade.",
    ),
    (
        "text_too_long",
        "El texto es demasiado largo.",
        "The text is too long.",
        "O texto é longo demais.",
    ),
    (
        "flow_blocked",
        "WhatsApp no aceptó el formulario del mensaje.",
        "WhatsApp did not accept the form of the message.",
        "O WhatsApp não aceitou o formulário da mensagem.",
    ),
    (
        "identity_changed",
        "La persona cambió de dispositivo. Confirme su identidad antes de escribirle.",
        "The person changed device. Confirm who it is before writing.",
        "A pessoa trocou de dispositivo. Confirme a identidade antes de escrever.",
    ),
    (
        "block_list",
        "WhatsApp no pudo cambiar la lista de bloqueados.",
        "WhatsApp could not change the list of blocked people.",
        "O WhatsApp não conseguiu alterar a lista de bloqueados.",
    ),
    (
        "username_unavailable",
        "El nombre de usuario no está disponible para esta cuenta.",
        "The username is not available for this account.",
        "O nome de usuário não está disponível para esta conta.",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_every_key_has_three_texts() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].0 <= pair[0].1 && pair[0].1 < pair[1].0, "{pair:?}");
        }
        for row in TABLE {
            let text = TEXTS
                .iter()
                .find(|t| t.0 == row.3)
                .unwrap_or_else(|| panic!("no text for {}", row.3));
            assert!(!text.1.is_empty() && !text.2.is_empty() && !text.3.is_empty());
            assert_ne!(text.1, text.3, "Portuguese is not Spanish: {}", row.3);
        }
        let mut keys: Vec<_> = TEXTS.iter().map(|t| t.0).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), TEXTS.len(), "one text per key");
        for key in keys.iter().filter(|k| **k != "unknown" && **k != "text_too_long") {
            assert!(TABLE.iter().any(|row| row.3 == *key), "text without a code: {key}");
        }
    }

    #[test]
    fn codes_have_the_class_of_the_reference() {
        let cases = [
            (131_047, None, WindowClosed, "window_closed"),
            (131_056, Some(400), PairLimit, "too_fast_for_person"),
            (130_429, Some(400), AccountLimit, "too_fast"),
            (80_007, Some(400), AccountLimit, "too_fast"),
            (190, Some(401), Auth, "token_invalid"),
            (0, Some(401), Auth, "token_invalid"),
            (230, Some(403), Auth, "permission_missing"),
            (131_000, Some(500), Retry, "provider_trouble"),
            (131_026, None, Permanent, "not_reachable"),
            (131_042, None, Configuration, "payment_problem"),
            (999_999, None, Permanent, "unknown"),
            (999_999, Some(503), Retry, "provider_trouble"),
            (0, Some(500), Retry, "provider_trouble"),
            (0, Some(404), Permanent, "unknown"),
            (-5, Some(429), AccountLimit, "too_fast"),
        ];
        for (code, http, class, key) in cases {
            assert_eq!(classify(code, http), (class, key), "code {code}, HTTP {http:?}");
        }
    }

    #[test]
    fn explanations_follow_the_language() {
        assert!(explain("window_closed", "en").starts_with("More than 24 hours"));
        assert!(explain("window_closed", "pt-BR").starts_with("Passaram"));
        assert!(explain("window_closed", "es").starts_with("Pasaron"));
        assert_eq!(explain("no such key", "en"), UNKNOWN.2);
        assert_eq!(explain("window_closed", ""), explain("window_closed", "es"));
    }

    #[test]
    fn pauses_grow_as_the_platform_asks() {
        let seconds = |class: ErrorClass| (1..=4).map(|n| class.pause_ms(n) / 1000).collect::<Vec<_>>();
        assert_eq!(seconds(PairLimit), [1, 4, 16, 64]);
        assert_eq!(seconds(Retry), [1, 2, 4, 8]);
        assert_eq!(PairLimit.pause_ms(u32::MAX), 900_000);
        assert_eq!(Permanent.pause_ms(1), 0);
    }
}
