/** True for the host name of a URL that always means this machine: what is sent there in clear text stays on it. */
export function isLoopback(hostname: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
