import { mergeContext } from '@colophon/context';
import {
  type CanActivate,
  createParamDecorator,
  type ExecutionContext,
  Injectable,
  UnauthorizedException,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Account } from './entities.js';
import { signedInAccount } from './session-cookie.js';

interface SignedInRequest {
  headers: { cookie?: string };
  account?: Account;
}

/** Lets those in who are signed in. From here on, the audit trail has their name. */
@Injectable()
export class SignedInGuard implements CanActivate {
  constructor(@InjectRepository(Account) private readonly accounts: Repository<Account>) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const request = execution.switchToHttp().getRequest<SignedInRequest>();
    const id = signedInAccount(request.headers.cookie);
    const account = id === undefined ? null : await this.accounts.findOneBy({ id });
    if (account === null) throw new UnauthorizedException('who are you?');
    request.account = account;
    mergeContext({ user: account.name });
    return true;
  }
}

/** Whoever is signed in, as a parameter of a handler behind the guard. */
export const SignedIn = createParamDecorator(
  (_: unknown, execution: ExecutionContext) => execution.switchToHttp().getRequest<SignedInRequest>().account,
);
