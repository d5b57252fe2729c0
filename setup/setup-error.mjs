// A failure whose reason is outside the project, with what the person at the terminal can do about it.
export class SetupError extends Error {
  constructor(message, advice) {
    super(message);
    this.name = 'SetupError';
    this.advice = advice;
  }
}
