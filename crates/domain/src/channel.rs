//! Channels and the limits of their contents (spec CORE-4, CORE-5).

use crate::content::{Choice, Content, Interactive, Media};
use crate::conversation::words;
use serde::{Deserialize, Serialize};

words! {
    /// The kind of a channel account.
    ChannelKind {
        Whatsapp = "whatsapp",
        Facebook = "facebook",
        Instagram = "instagram",
        FacebookComment = "facebook_comment",
        InstagramComment = "instagram_comment",
        WebChat = "web_chat",
    }
}

words! {
    /// The kind of an address of a customer.
    IdentityKind {
        WhatsappPhone = "whatsapp_phone",
        /// Business-scoped user id; its scope is the business portfolio.
        WhatsappBsuid = "whatsapp_bsuid",
        FacebookPsid = "facebook_psid",
        InstagramIgsid = "instagram_igsid",
        WebVisitor = "web_visitor",
        WebUser = "web_user",
        Email = "email",
    }
}

words! {
    /// Whether free messages may be sent at this moment.
    Window { Open = "open", Extended = "extended", Closed = "closed" }
}

words! {
    /// The health of a channel account.
    ChannelStatus {
        Draft = "draft",
        Connecting = "connecting",
        Connected = "connected",
        Degraded = "degraded",
        Disconnected = "disconnected",
    }
}

/// The service window of WhatsApp: 24 h from the last customer message. Source: meta-platform §8.1, spec CORE-4.
pub const WHATSAPP_WINDOW_MS: i64 = 24 * 3_600_000;

/// How a length is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LengthUnit {
    /// Unicode scalars.
    Characters,
    /// Bytes of UTF-8.
    Bytes,
}

/// What one kind of file may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileLimit {
    /// Accepted media types; empty accepts every one.
    #[serde(default)]
    pub types: Vec<String>,
    pub max_bytes: u64,
}

/// What a question with buttons may hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ButtonLimit {
    pub count: usize,
    pub title: usize,
    pub id: usize,
    pub body: usize,
}

/// What a list may hold. `rows` counts all sections together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ListLimit {
    pub rows: usize,
    pub title: usize,
    pub description: usize,
    pub id: usize,
    pub section_title: usize,
    pub button: usize,
    pub body: usize,
}

/// The row of a channel in the table of content limits. Data, so that an operator may override it; `None` means that
/// the channel has no such content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Limits {
    pub text: usize,
    pub text_unit: LengthUnit,
    pub caption: Option<usize>,
    pub image: Option<FileLimit>,
    pub video: Option<FileLimit>,
    pub audio: Option<FileLimit>,
    pub document: Option<FileLimit>,
    pub sticker: Option<FileLimit>,
    /// Bytes an animated sticker may have.
    pub animated_sticker: u64,
    pub header: usize,
    pub footer: usize,
    pub buttons: Option<ButtonLimit>,
    pub list: Option<ListLimit>,
    pub location: bool,
    /// Contact cards in one message; 0 where there are none.
    pub contacts: usize,
    pub reaction: bool,
    pub template: bool,
}

const MB: u64 = 1024 * 1024;
const KB: u64 = 1024;

fn files(types: &[&str], max_bytes: u64) -> Option<FileLimit> {
    Some(FileLimit {
        types: types.iter().map(|t| (*t).to_owned()).collect(),
        max_bytes,
    })
}

/// The limits of a channel kind as the platforms document them (spec CORE-5; meta-platform §7.2, §9, §14.3, §16.5).
#[must_use]
pub fn limits(kind: ChannelKind) -> Limits {
    let nothing = Limits {
        text: 0,
        text_unit: LengthUnit::Characters,
        caption: None,
        image: None,
        video: None,
        audio: None,
        document: None,
        sticker: None,
        animated_sticker: 0,
        header: 0,
        footer: 0,
        buttons: None,
        list: None,
        location: false,
        contacts: 0,
        reaction: false,
        template: false,
    };
    let short_buttons = Some(ButtonLimit {
        count: 3,
        title: 20,
        id: 1_000,
        body: 640,
    });
    match kind {
        ChannelKind::Whatsapp => Limits {
            text: 4_096,
            caption: Some(1_024),
            image: files(&["image/jpeg", "image/png"], 5 * MB),
            video: files(&["video/mp4", "video/3gpp"], 16 * MB),
            audio: files(
                &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"],
                16 * MB,
            ),
            document: files(&[], 100 * MB),
            sticker: files(&["image/webp"], 100 * KB),
            animated_sticker: 500 * KB,
            header: 60,
            footer: 60,
            buttons: Some(ButtonLimit {
                count: 3,
                title: 20,
                id: 256,
                body: 1_024,
            }),
            list: Some(ListLimit {
                rows: 10,
                title: 24,
                description: 72,
                id: 200,
                section_title: 24,
                button: 20,
                body: 4_096,
            }),
            location: true,
            contacts: 257,
            reaction: true,
            template: true,
            ..nothing
        },
        ChannelKind::Facebook => Limits {
            text: 1_999,
            image: files(&[], 25 * MB),
            video: files(&[], 25 * MB),
            audio: files(&[], 25 * MB),
            document: files(&[], 25 * MB),
            buttons: short_buttons,
            reaction: true,
            ..nothing
        },
        ChannelKind::Instagram => Limits {
            text: 1_000,
            text_unit: LengthUnit::Bytes,
            image: files(&["image/png", "image/jpeg", "image/gif"], 8 * MB),
            video: files(
                &[
                    "video/mp4",
                    "video/ogg",
                    "video/x-msvideo",
                    "video/quicktime",
                    "video/webm",
                ],
                25 * MB,
            ),
            audio: files(&["audio/aac", "audio/x-m4a", "audio/wav", "audio/mp4"], 25 * MB),
            document: files(&["application/pdf"], 25 * MB),
            buttons: short_buttons,
            reaction: true,
            ..nothing
        },
        ChannelKind::WebChat => Limits {
            text: 10_000,
            caption: Some(1_024),
            image: files(&[], 25 * MB),
            video: files(&[], 25 * MB),
            audio: files(&[], 25 * MB),
            document: files(&[], 25 * MB),
            sticker: files(&[], 25 * MB),
            animated_sticker: 25 * MB,
            header: 60,
            footer: 60,
            buttons: Some(ButtonLimit {
                count: 13,
                title: 40,
                id: 256,
                body: 10_000,
            }),
            list: Some(ListLimit {
                rows: 20,
                title: 80,
                description: 160,
                id: 256,
                section_title: 80,
                button: 40,
                body: 10_000,
            }),
            location: true,
            contacts: 20,
            reaction: true,
            ..nothing
        },
        ChannelKind::FacebookComment => Limits {
            text: 8_000,
            image: files(&[], 25 * MB),
            caption: Some(8_000),
            ..nothing
        },
        ChannelKind::InstagramComment => Limits { text: 300, ..nothing },
    }
}

/// The first limit a content breaks. `code` is stable and translated by the client; `field` is the JSON pointer inside
/// the content; `limit` and `actual` are counts, lengths or bytes (0 where the code needs none).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{code} at {field} (limit {limit}, actual {actual})")]
pub struct LimitError {
    pub code: String,
    pub field: String,
    pub limit: u64,
    pub actual: u64,
}

impl LimitError {
    fn new(code: &str, field: impl Into<String>, limit: u64, actual: u64) -> Self {
        Self {
            code: code.to_owned(),
            field: field.into(),
            limit,
            actual,
        }
    }
}

/// Whether `content` may be sent on a channel of this kind. Sizes and types that are not known yet are not judged.
///
/// # Errors
/// The first limit broken. Codes: `kind_not_supported`, `text_empty`, `text_too_long`, `caption_not_supported`,
/// `caption_too_long`, `file_type_not_supported`, `file_too_large`, `body_empty`, `body_too_long`, `header_too_long`,
/// `footer_too_long`, `no_options`, `too_many_buttons`, `button_title_empty`, `button_title_too_long`,
/// `button_title_repeated`, `button_id_empty`, `button_id_too_long`, `button_id_repeated`, `list_button_too_long`,
/// `too_many_rows`, `row_title_empty`, `row_title_too_long`, `row_description_too_long`, `row_id_empty`,
/// `row_id_too_long`, `row_id_repeated`, `section_title_missing`, `section_title_too_long`, `link_not_http`,
/// `too_many_contacts`, `contact_without_name`, `reaction_without_target`, `location_impossible`,
/// `template_without_name`.
pub fn check(kind: ChannelKind, content: &Content) -> Result<(), LimitError> {
    limits(kind).check(content)
}

impl Limits {
    /// As [`check`], with this row of the table.
    ///
    /// # Errors
    /// See [`check`].
    pub fn check(&self, content: &Content) -> Result<(), LimitError> {
        let fail = |code: &str, field: &str| Err(LimitError::new(code, field, 0, 0));
        match content {
            Content::Text { text } if text.trim().is_empty() => fail("text_empty", "/text"),
            Content::Text { text } => longest("text_too_long", "/text", self.text, self.length(text)),
            Content::Image(media) => self.check_file(self.image.as_ref(), media, true),
            Content::Video(media) => self.check_file(self.video.as_ref(), media, true),
            Content::Document(media) => self.check_file(self.document.as_ref(), media, true),
            Content::Audio(media) => self.check_file(self.audio.as_ref(), media, false),
            Content::Sticker(media) => {
                let mut limit = self.sticker.clone();
                if let Some(limit) = limit.as_mut().filter(|_| media.animated) {
                    limit.max_bytes = self.animated_sticker;
                }
                self.check_file(limit.as_ref(), media, false)
            }
            Content::Location {
                latitude, longitude, ..
            } if self.location => {
                if (-90.0..=90.0).contains(latitude) && (-180.0..=180.0).contains(longitude) {
                    Ok(())
                } else {
                    fail("location_impossible", "/latitude")
                }
            }
            Content::Contacts { contacts } if self.contacts > 0 => {
                if let Some(at) = contacts.iter().position(|c| c.name.trim().is_empty()) {
                    return fail("contact_without_name", &format!("/contacts/{at}/name"));
                }
                if contacts.is_empty() {
                    return fail("no_options", "/contacts");
                }
                longest("too_many_contacts", "/contacts", self.contacts, contacts.len())
            }
            Content::Reaction { target, .. } if self.reaction => {
                if target.is_empty() {
                    fail("reaction_without_target", "/target")
                } else {
                    Ok(())
                }
            }
            Content::Interactive(question) => self.check_question(question),
            Content::Template { name, language, .. } if self.template => {
                if name.is_empty() || language.is_empty() {
                    fail("template_without_name", "/name")
                } else {
                    Ok(())
                }
            }
            other => fail("kind_not_supported", &format!("/{}", other.kind())),
        }
    }

    /// The length of a text as this channel counts it.
    #[must_use]
    pub fn length(&self, text: &str) -> usize {
        match self.text_unit {
            LengthUnit::Characters => text.chars().count(),
            LengthUnit::Bytes => text.len(),
        }
    }

    fn check_file(&self, limit: Option<&FileLimit>, media: &Media, captioned: bool) -> Result<(), LimitError> {
        let Some(limit) = limit else {
            return Err(LimitError::new("kind_not_supported", "", 0, 0));
        };
        if let Some(mime) = &media.mime {
            let bare = mime.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
            if !limit.types.is_empty() && !limit.types.contains(&bare) {
                return Err(LimitError::new("file_type_not_supported", "/mime", 0, 0));
            }
        }
        if let Some(size) = media.size.and_then(|s| u64::try_from(s).ok())
            && size > limit.max_bytes
        {
            return Err(LimitError::new("file_too_large", "/size", limit.max_bytes, size));
        }
        match (media.caption.as_deref().filter(|c| !c.is_empty()), self.caption) {
            (None, _) => Ok(()),
            (Some(caption), Some(limit)) if captioned => {
                longest("caption_too_long", "/caption", limit, self.length(caption))
            }
            (Some(caption), _) => Err(LimitError::new(
                "caption_not_supported",
                "/caption",
                0,
                caption.len() as u64,
            )),
        }
    }

    fn check_question(&self, question: &Interactive) -> Result<(), LimitError> {
        let fail = |code: &str, field: String| Err(LimitError::new(code, field, 0, 0));
        let len = |text: &str| text.chars().count();
        let Some(buttons) = &self.buttons else {
            return fail("kind_not_supported", "/interactive".into());
        };
        if question.body.trim().is_empty() {
            return fail("body_empty", "/body".into());
        }
        if let Some(header) = &question.header {
            longest("header_too_long", "/header", self.header, len(header))?;
        }
        if let Some(footer) = &question.footer {
            longest("footer_too_long", "/footer", self.footer, len(footer))?;
        }
        if let Some(link) = &question.link {
            longest("body_too_long", "/body", buttons.body, self.length(&question.body))?;
            longest("button_title_too_long", "/link/title", buttons.title, len(&link.title))?;
            return match link.url.split_once("://") {
                Some(("http" | "https", rest)) if !rest.is_empty() && !link.title.trim().is_empty() => Ok(()),
                _ => fail("link_not_http", "/link/url".into()),
            };
        }
        if !question.buttons.is_empty() {
            longest("body_too_long", "/body", buttons.body, self.length(&question.body))?;
            longest("too_many_buttons", "/buttons", buttons.count, question.buttons.len())?;
            return options("button", "/buttons", &question.buttons, buttons.title, buttons.id, true);
        }
        let Some(list) = self
            .list
            .as_ref()
            .filter(|_| question.sections.iter().any(|s| !s.rows.is_empty()))
        else {
            let code = if question.sections.is_empty() {
                "no_options"
            } else {
                "kind_not_supported"
            };
            return fail(code, "/sections".into());
        };
        longest("body_too_long", "/body", list.body, self.length(&question.body))?;
        let label = question.list_button.as_deref().unwrap_or_default();
        longest("list_button_too_long", "/list_button", list.button, len(label))?;
        let total = question.sections.iter().map(|s| s.rows.len()).sum();
        longest("too_many_rows", "/sections", list.rows, total)?;
        let mut ids = std::collections::HashSet::new();
        for (at, section) in question.sections.iter().enumerate() {
            let field = format!("/sections/{at}");
            if section.title.trim().is_empty() && question.sections.len() > 1 {
                return fail("section_title_missing", format!("{field}/title"));
            }
            longest(
                "section_title_too_long",
                &format!("{field}/title"),
                list.section_title,
                len(&section.title),
            )?;
            options(
                "row",
                &format!("{field}/rows"),
                &section.rows,
                list.title,
                list.id,
                false,
            )?;
            for (n, row) in section.rows.iter().enumerate() {
                if !ids.insert(row.id.as_str()) {
                    return fail("row_id_repeated", format!("{field}/rows/{n}/id"));
                }
                if let Some(text) = &row.description {
                    let field = format!("{field}/rows/{n}/description");
                    longest("row_description_too_long", &field, list.description, len(text))?;
                }
            }
        }
        Ok(())
    }
}

fn longest(code: &str, field: &str, limit: usize, actual: usize) -> Result<(), LimitError> {
    if actual <= limit {
        Ok(())
    } else {
        Err(LimitError::new(code, field, limit as u64, actual as u64))
    }
}

fn options(
    what: &str,
    field: &str,
    choices: &[Choice],
    title: usize,
    id: usize,
    distinct_titles: bool,
) -> Result<(), LimitError> {
    for (at, choice) in choices.iter().enumerate() {
        let earlier = &choices[..at];
        let code = |problem: &str| format!("{what}_{problem}");
        if choice.title.trim().is_empty() {
            return Err(LimitError::new(
                &code("title_empty"),
                format!("{field}/{at}/title"),
                0,
                0,
            ));
        }
        if choice.id.is_empty() {
            return Err(LimitError::new(&code("id_empty"), format!("{field}/{at}/id"), 0, 0));
        }
        longest(
            &code("title_too_long"),
            &format!("{field}/{at}/title"),
            title,
            choice.title.chars().count(),
        )?;
        longest(
            &code("id_too_long"),
            &format!("{field}/{at}/id"),
            id,
            choice.id.chars().count(),
        )?;
        if distinct_titles && earlier.iter().any(|c| c.title.trim() == choice.title.trim()) {
            return Err(LimitError::new(
                &code("title_repeated"),
                format!("{field}/{at}/title"),
                0,
                0,
            ));
        }
        if earlier.iter().any(|c| c.id == choice.id) {
            return Err(LimitError::new(&code("id_repeated"), format!("{field}/{at}/id"), 0, 0));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{LinkButton, Section};

    fn code(kind: ChannelKind, content: &Content) -> String {
        check(kind, content).err().map(|e| e.code).unwrap_or_default()
    }

    fn choices(n: usize) -> Vec<Choice> {
        (0..n)
            .map(|i| Choice {
                id: format!("id-{i}"),
                title: format!("Opción {i}"),
                description: None,
            })
            .collect()
    }

    fn file(mime: &str, size: i64) -> Media {
        Media {
            mime: Some(mime.into()),
            size: Some(size),
            ..Media::default()
        }
    }

    #[test]
    fn core_5_2_instagram_counts_bytes_and_whatsapp_characters() {
        let emojis = Content::text("😀".repeat(999));
        let error = check(ChannelKind::Instagram, &emojis).unwrap_err();
        assert_eq!(
            (error.code.as_str(), error.limit, error.actual),
            ("text_too_long", 1_000, 3_996)
        );
        assert_eq!(check(ChannelKind::Whatsapp, &emojis), Ok(()));
        assert_eq!(
            code(ChannelKind::Whatsapp, &Content::text("x".repeat(4_097))),
            "text_too_long"
        );
        assert_eq!(code(ChannelKind::Whatsapp, &Content::text(" \n")), "text_empty");
    }

    #[test]
    fn core_5_1_and_4_files_are_judged_by_type_and_size() {
        let cases = [
            (
                ChannelKind::Whatsapp,
                Content::Image(file("image/jpeg", 6 << 20)),
                "file_too_large",
            ),
            (
                ChannelKind::Whatsapp,
                Content::Image(file("image/gif", 1)),
                "file_type_not_supported",
            ),
            (
                ChannelKind::Whatsapp,
                Content::Audio(file("audio/ogg; codecs=opus", 1)),
                "",
            ),
            (
                ChannelKind::Whatsapp,
                Content::Sticker(file("image/webp", 200_000)),
                "file_too_large",
            ),
            (
                ChannelKind::Whatsapp,
                Content::Sticker(Media {
                    animated: true,
                    ..file("image/webp", 200_000)
                }),
                "",
            ),
            (
                ChannelKind::Instagram,
                Content::Document(file(
                    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                    1,
                )),
                "file_type_not_supported",
            ),
            (
                ChannelKind::InstagramComment,
                Content::Image(Media::default()),
                "kind_not_supported",
            ),
            (ChannelKind::Whatsapp, Content::Image(Media::default()), ""),
            (
                ChannelKind::Whatsapp,
                Content::Audio(Media {
                    caption: Some("no".into()),
                    ..Media::default()
                }),
                "caption_not_supported",
            ),
        ];
        for (kind, content, expected) in cases {
            assert_eq!(code(kind, &content), expected, "{kind} {content:?}");
        }
    }

    #[test]
    fn core_5_questions_are_judged_part_by_part() {
        let ask = || Interactive {
            body: "¿Sí?".into(),
            ..Interactive::default()
        };
        let section = |title: &str, rows| Section {
            title: title.into(),
            rows,
        };
        let twice = vec![
            choices(1)[0].clone(),
            Choice {
                id: "b".into(),
                ..choices(1)[0].clone()
            },
        ];
        let cases = [
            (ask(), "no_options"),
            (
                Interactive {
                    buttons: choices(3),
                    ..ask()
                },
                "",
            ),
            (
                Interactive {
                    buttons: choices(4),
                    ..ask()
                },
                "too_many_buttons",
            ),
            (
                Interactive {
                    buttons: twice,
                    ..ask()
                },
                "button_title_repeated",
            ),
            (
                Interactive {
                    buttons: choices(1),
                    header: Some("x".repeat(61)),
                    ..ask()
                },
                "header_too_long",
            ),
            (
                Interactive {
                    buttons: choices(1),
                    body: "x".repeat(1_025),
                    ..ask()
                },
                "body_too_long",
            ),
            (
                Interactive {
                    sections: vec![section("", choices(10))],
                    ..ask()
                },
                "",
            ),
            (
                Interactive {
                    sections: vec![section("", choices(11))],
                    ..ask()
                },
                "too_many_rows",
            ),
            (
                Interactive {
                    sections: vec![section("A", choices(1)), section("B", choices(1))],
                    ..ask()
                },
                "row_id_repeated",
            ),
            (
                Interactive {
                    link: Some(LinkButton {
                        title: "Ver".into(),
                        url: "javascript:1".into(),
                    }),
                    ..ask()
                },
                "link_not_http",
            ),
            (
                Interactive {
                    link: Some(LinkButton {
                        title: "Ver".into(),
                        url: "https://a.test/".into(),
                    }),
                    ..ask()
                },
                "",
            ),
        ];
        for (question, expected) in cases {
            assert_eq!(
                code(ChannelKind::Whatsapp, &Content::Interactive(question.clone())),
                expected,
                "{question:?}"
            );
        }
        let list = Interactive {
            sections: vec![section("", choices(2))],
            ..ask()
        };
        assert_eq!(
            code(ChannelKind::Facebook, &Content::Interactive(list)),
            "kind_not_supported"
        );
    }
}
