//! The encoder: lossless, one component, each sample predicted by the one on its left.

use super::JpegError;
use super::bits::Writer;
use crate::jpeg_ls::Grey;

/// Writes an image as a lossless JPEG stream with the first predictor (the process of DICOM's transfer
/// syntax 1.2.840.10008.1.2.4.70), with the shortest codes for this image.
///
/// # Errors
/// [`JpegError::Image`] when size, depth and samples do not go together.
pub fn encode_lossless(image: &Grey) -> Result<Vec<u8>, JpegError> {
    let Grey { width, height, bits, samples } = *image;
    let sides = 1..=65_535;
    if !sides.contains(&width) || !sides.contains(&height) || samples.len() != width * height {
        return Err(JpegError::Image(format!("{} samples for {width} × {height}", samples.len())));
    }
    if !(2..=16).contains(&bits) || samples.iter().any(|&sample| u32::from(sample) >> bits != 0) {
        return Err(JpegError::Image(format!("a sample does not fit into {bits} bits")));
    }
    let mut counts = [0; SYMBOLS];
    differences(image, |difference| counts[size(difference) as usize] += 1);
    let lengths = lengths(&counts);
    let mut out = vec![0xff, 0xd8, 0xff, 0xc3, 0, 11, bits as u8];
    for side in [height, width] {
        out.extend_from_slice(&(side as u16).to_be_bytes());
    }
    out.extend_from_slice(&[1, 1, 0x11, 0]);
    let codes = write_table(&mut out, &lengths);
    out.extend_from_slice(&[0xff, 0xda, 0, 8, 1, 1, 0, 1, 0, 0]);
    let mut writer = Writer::new(out);
    differences(image, |difference| {
        let size = size(difference);
        let (code, length) = codes[size as usize];
        // A negative number is written one lower, so that its first bit is 0; 32768 has no bits.
        let number = i32::from(difference) - i32::from(difference < 0);
        let number_bits = size % 16;
        let number = number as u32 & ((1 << number_bits) - 1);
        writer.put(code << number_bits | number, length + number_bits);
    });
    let mut out = writer.finish();
    out.extend_from_slice(&[0xff, 0xd9]);
    Ok(out)
}

/// Sizes of differences: 0 to 16 bits.
const SYMBOLS: usize = 17;

/// Bits of a difference; 16 for 32768.
const fn size(difference: i16) -> u32 {
    16 - difference.unsigned_abs().leading_zeros()
}

/// Calls `give` with the difference of each sample from its prediction, modulo 65536.
fn differences(image: &Grey, mut give: impl FnMut(i16)) {
    let mut above = 1_u16 << (image.bits - 1);
    for row in image.samples.chunks_exact(image.width) {
        let mut left = above;
        for &sample in row {
            give(sample.wrapping_sub(left) as i16);
            left = sample;
        }
        above = row[0];
    }
}

/// Symbols with the lengths of their codes, shortest first. One code, the longest, stays free: the
/// standard forbids the one that is all ones.
fn lengths(counts: &[u64; SYMBOLS]) -> Vec<(u32, u8)> {
    let mut used: Vec<(u64, u8)> = (0..).zip(counts).map(|(symbol, &count)| (count, symbol)).collect();
    used.retain(|&(count, _)| count > 0);
    used.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut weights: Vec<u64> = used.iter().map(|&(count, _)| count).chain([1]).collect();
    let mut depths = depths(&weights);
    // Seldom a code is longer than the 16 bits allowed; flatter weights give a flatter tree.
    while depths.last().is_some_and(|&depth| depth > 16) {
        weights.iter_mut().for_each(|weight| *weight = weight.div_ceil(2));
        depths = self::depths(&weights);
    }
    depths.into_iter().zip(used.iter().map(|&(_, symbol)| symbol)).collect()
}

/// Huffman's depths of the leaves, shallowest first, for at least two weights.
fn depths(weights: &[u64]) -> Vec<u32> {
    // Each node: its weight and the depths of its leaves below it.
    let mut nodes: Vec<(u64, Vec<u32>)> = weights.iter().map(|&weight| (weight, vec![0])).collect();
    while nodes.len() > 1 {
        nodes.sort_by_key(|node| std::cmp::Reverse(node.0));
        if let (Some(a), Some(b)) = (nodes.pop(), nodes.pop()) {
            let leaves = a.1.iter().chain(&b.1).map(|depth| depth + 1).collect();
            nodes.push((a.0 + b.0, leaves));
        }
    }
    let mut leaves = nodes.pop().map(|node| node.1).unwrap_or_default();
    leaves.sort_unstable();
    leaves
}

/// Writes the code table; gives code and length by symbol.
fn write_table(out: &mut Vec<u8>, lengths: &[(u32, u8)]) -> [(u32, u32); SYMBOLS] {
    out.extend_from_slice(&[0xff, 0xc4, 0, 19 + lengths.len() as u8, 0]);
    let count = |length| lengths.iter().filter(|&&(l, _)| l == length).count() as u8;
    out.extend((1..=16).map(count));
    out.extend(lengths.iter().map(|&(_, symbol)| symbol));
    let mut codes = [(0, 0); SYMBOLS];
    let (mut code, mut before) = (0, 0);
    for &(length, symbol) in lengths {
        code <<= length - before;
        before = length;
        codes[usize::from(symbol)] = (code, length);
        code += 1;
    }
    codes
}
