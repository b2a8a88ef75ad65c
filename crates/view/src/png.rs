//! Pictures as PNG files.

use crate::{Picture, ViewError};

/// The picture as the bytes of a PNG file: 8-bit sRGB, or 8-bit grey where all pixels are grey; no time,
/// no names, so that the same picture always gives the same bytes.
///
/// # Errors
/// [`ViewError::Encode`] when the encoder fails, which it has no reason to.
pub fn png(picture: &Picture) -> Result<Vec<u8>, ViewError> {
    let [width, height] = picture.size().map(|side| side as u32);
    let grey: Option<Vec<u8>> =
        picture.rgb().chunks_exact(3).map(|p| (p[0] == p[1] && p[1] == p[2]).then_some(p[0])).collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fast);
    let (colour, data) = match &grey {
        Some(grey) => (png::ColorType::Grayscale, grey.as_slice()),
        None => (png::ColorType::Rgb, picture.rgb()),
    };
    encoder.set_color(colour);
    encoder
        .write_header()
        .and_then(|mut writer| {
            writer.write_image_data(data)?;
            writer.finish()
        })
        .map_err(|error| ViewError::Encode(error.to_string()))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (png::ColorType, [u32; 2], Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut data = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut data).unwrap();
        (info.color_type, [info.width, info.height], data)
    }

    #[test]
    fn a_picture_survives_its_file() {
        let mut picture = Picture::new([37, 21], [250; 3]).unwrap();
        let (colour, size, data) = decoded(&png(&picture).unwrap());
        assert_eq!((colour, size), (png::ColorType::Grayscale, [37, 21]));
        assert_eq!(data, vec![250; 37 * 21]);
        picture.text([2, 0], "L 50", [200, 30, 10], [0; 3]);
        let (colour, _, data) = decoded(&png(&picture).unwrap());
        assert_eq!(colour, png::ColorType::Rgb);
        assert_eq!(data, picture.rgb());
    }
}
