//! Texts of a file in the character set it names.

use encoding_rs::Encoding;

/// The encoding of a Specific Character Set (PS3.3 C.12.1.1.2); Latin 1 for those not known, so that at least
/// the bytes as they stand are looked for.
pub(super) fn named(value: &[u8]) -> &'static Encoding {
    let text = String::from_utf8_lossy(value);
    // The last of several is the one that names need; all of them include ASCII.
    let name = text.split('\\').map(|part| part.trim_matches([' ', '\0'])).rfind(|part| !part.is_empty());
    match name.unwrap_or_default().trim_start_matches("ISO_IR ").trim_start_matches("ISO 2022 IR ") {
        "192" => encoding_rs::UTF_8,
        "101" => encoding_rs::ISO_8859_2,
        "109" => encoding_rs::ISO_8859_3,
        "110" => encoding_rs::ISO_8859_4,
        "144" => encoding_rs::ISO_8859_5,
        "127" => encoding_rs::ISO_8859_6,
        "126" => encoding_rs::ISO_8859_7,
        "138" => encoding_rs::ISO_8859_8,
        "203" => encoding_rs::ISO_8859_15,
        "166" => encoding_rs::WINDOWS_874,
        "13" => encoding_rs::SHIFT_JIS,
        "87" | "159" => encoding_rs::ISO_2022_JP,
        "149" => encoding_rs::EUC_KR,
        "58" | "GBK" => encoding_rs::GBK,
        "GB18030" => encoding_rs::GB18030,
        _ => encoding_rs::WINDOWS_1252,
    }
}

/// A text as it is meant, and as its bytes stand where that is something else.
pub(super) fn texts(value: &[u8], encoding: &'static Encoding) -> Vec<String> {
    let meant = encoding.decode_without_bom_handling(value).0.into_owned();
    let stands: String = value.iter().map(|&byte| char::from(byte)).collect();
    if meant == stands { vec![meant] } else { vec![meant, stands] }
}
