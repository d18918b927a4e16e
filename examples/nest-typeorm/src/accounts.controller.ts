import { mergeContext } from '@colophon/context';
import { Body, Controller, Post, Res, UnauthorizedException } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Account } from './entities.js';
import { hashPassword, isPassword } from './password.js';
import { sessionCookie } from './session-cookie.js';

interface NameAndPassword {
  name: string;
  password: string;
}

/** Joining and signing in. Nobody is known yet: so these say themselves who it is. */
@Controller()
export class AccountsController {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  @Post('accounts')
  async join(@Body() { name, password }: NameAndPassword) {
    const passwordHash = await hashPassword(password);
    mergeContext({ user: name });
    const { id } = await this.accounts.save({ name, credential: { passwordHash } });
    return { id, name };
  }

  @Post('sessions')
  async signIn(
    @Body() { name, password }: NameAndPassword,
    @Res({ passthrough: true }) response: { setHeader(name: string, value: string): void },
  ) {
    const account = await this.accounts.findOne({ where: { name }, relations: { credential: true } });
    if (account === null || !(await isPassword(password, account.credential.passwordHash)))
      throw new UnauthorizedException('no such name, or another password');
    mergeContext({ user: account.name });
    await this.accounts.update(account.id, { seenAt: new Date() });
    response.setHeader('set-cookie', sessionCookie(account.id));
    return { id: account.id, name };
  }
}
