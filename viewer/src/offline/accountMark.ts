/** The account's name is no one else's business: what remembers something of it when it has left is no name. */
export async function accountMark(name: string): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`suret offline ${name}`)));
  return [...digest.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
