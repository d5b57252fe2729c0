export async function runHostile(peers: number, seed: number): Promise<string[]> {
  return [`not there yet: ${peers} ${seed}`];
}
