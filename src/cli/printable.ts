/** Text from elsewhere for a terminal, on one line: what would steer the terminal is shown as its code. */
export function printable(text: string): string {
  // Controls of Unicode change the direction of what follows, or are seen by nobody.
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)?.toString(16).padStart(4, '0')}}`;
  });
}
