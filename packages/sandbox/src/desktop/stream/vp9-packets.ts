const rtpHeaderBytes = 12;
/** Bits of the first byte of the payload descriptor. */
const startsFrame = 0x08;
const isPredicted = 0x40;
/** The bit of the frame header, of profile 0, that is 0 for a key frame. */
const isNotKey = 0x04;

/**
 * Returns a function that marks the packets of frames that need an earlier one, which ffmpeg leaves out: a browser would
 * take each for a key frame, and leave out some when it is late. Source: RFC 9628, 4.2; the bitstream of VP9, 6.2.
 */
export function vp9Marker(): (packet: Buffer) => void {
  let mark = 0;
  return (packet) => {
    const descriptorAt = rtpHeaderBytes + 4 * ((packet[0] ?? 0) & 0x0f);
    const descriptor = packet[descriptorAt];
    const header = packet[descriptorAt + 1];
    if (descriptor === undefined || header === undefined) return;
    if ((descriptor & startsFrame) !== 0) mark = (header & isNotKey) === 0 ? 0 : isPredicted;
    packet[descriptorAt] = descriptor | mark;
  };
}
