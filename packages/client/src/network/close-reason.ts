/** Room for the reason in a close frame: RFC 6455, section 5.5. */
const maxBytes = 123;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** Truncates a reason to fit a close frame, between characters. A WebSocket throws for a longer one. */
export function closeReason(reason: string): string {
  const bytes = encoder.encode(reason);
  if (bytes.length <= maxBytes) return reason;
  let end = maxBytes;
  // 10xxxxxx is a UTF-8 continuation byte.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return decoder.decode(bytes.subarray(0, end));
}
