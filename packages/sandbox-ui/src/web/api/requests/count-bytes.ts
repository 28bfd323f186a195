/** The same response; `onEnd` gets the size of its body when that has ended, failed or was cancelled. */
export function countBytes(response: Response, onEnd: (bytes: number) => void): Response {
  const reader = response.body?.getReader();
  if (reader === undefined) return response;
  let bytes = 0;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(stream) {
      try {
        const { done, value } = await reader.read();
        if (done) {
          onEnd(bytes);
          stream.close();
          return;
        }
        bytes += value.length;
        stream.enqueue(value);
      } catch (error) {
        onEnd(bytes);
        throw error;
      }
    },
    async cancel(reason) {
      onEnd(bytes);
      await reader.cancel(reason);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(body, { status, statusText, headers });
}
