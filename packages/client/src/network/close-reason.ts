/** What a close frame has room for beside its code: RFC 6455, section 5.5. */
const maxBytes = 123;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** As much of a reason as a close frame has room for, cut between characters: a WebSocket throws for more. */
export function closeReason(reason: string): string {
  const bytes = encoder.encode(reason);
  if (bytes.length <= maxBytes) return reason;
  let end = maxBytes;
  // A byte of the form 10xxxxxx goes on with a character.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return decoder.decode(bytes.subarray(0, end));
}
